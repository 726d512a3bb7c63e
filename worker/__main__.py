"""Makes ``python -m worker`` the same as the ``portone-worker`` command."""

from __future__ import annotations

from worker.cli import main

if __name__ == "__main__":
    main()

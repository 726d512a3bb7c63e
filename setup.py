"""Decides the one thing pyproject.toml cannot say: the migrations travel inside the package, as worker/migrations."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithMigrations(build_py):
    """An installed worker can copy its migrations into a project; see worker/adoption.py."""

    def run(self) -> None:
        """Add the files to what is built; an editable install reads them where they are."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "worker", "migrations")
        self.mkpath(str(target))
        for path in sorted(Path("supabase", "migrations").glob("*.sql")):
            self.copy_file(str(path), str(target / path.name))


setup(cmdclass={"build_py": BuildWithMigrations})

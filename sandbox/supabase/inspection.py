"""Decides how a database is shown to Supabase's own tools: its advisors and its type generators."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sandbox.supabase.cli import CliAnswer, run_cli

Language = Literal["python", "typescript"]


class InspectionFailed(RuntimeError):
    """A tool of the Supabase CLI refused; the message has everything it printed."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One remark of Supabase's advisors: `level` is INFO, WARN or ERROR, `subject` is `schema.name`."""

    level: str
    lint: str
    subject: str
    detail: str


def advice(db_url: str) -> list[Advice]:
    """Return everything `supabase db advisors` says about a database, security and performance."""
    answer = _run("db", "advisors", "--level", "info", "--fail-on", "none", "-o", "json", db_url=db_url)
    return [_advice(entry) for entry in json.loads(answer.output)]


def generated_types(db_url: str, language: Language) -> str:
    """Return what `supabase gen types` makes of schema `public`."""
    return _run("gen", "types", "--lang", language, "--schema", "public", db_url=db_url).output


def _advice(entry: dict[str, Any]) -> Advice:
    about = entry.get("metadata") or {}
    subject = f"{about.get('schema', '')}.{about.get('name', '')}"
    return Advice(str(entry["level"]), str(entry["name"]), subject, str(entry.get("detail", "")))


def _run(*arguments: str, db_url: str) -> CliAnswer:
    with tempfile.TemporaryDirectory(prefix="portone-inspect-") as folder:
        answer = run_cli(*arguments, db_url=db_url, workdir=Path(folder))
    if answer.exit_code != 0:
        raise InspectionFailed(f"supabase {' '.join(arguments)} failed:\n{answer.everything}")
    return answer

"""The commands of ``portone-worker`` and what each of them starts."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from worker import __version__
from worker.cli_billing_keys import billing_keys_app
from worker.cli_doctor import doctor_command
from worker.cli_findings import findings_app
from worker.cli_identity import identity_app, keys_app
from worker.cli_jobs import jobs_app
from worker.cli_migrations import migrations_app
from worker.cli_payments import payments_app
from worker.cli_reconcile import reconcile_command
from worker.cli_run import run
from worker.cli_status import status_command
from worker.cli_webhooks import webhooks_app
from worker.language import LANGUAGES, Words, language_of, said, speak
from worker.serve import serve, work

_EN_OR_KO = Words("say en or ko", "en 또는 ko를 쓰세요")

app = typer.Typer(
    name="portone-worker",
    help="Payment worker for PortOne V2 on Supabase. Settings come from the environment, see .env.example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(payments_app, name="payments")
app.add_typer(billing_keys_app, name="billing-keys")
app.add_typer(findings_app, name="findings")
app.add_typer(jobs_app, name="jobs")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(migrations_app, name="migrations")
app.add_typer(identity_app, name="identity")
app.add_typer(keys_app, name="keys")


@app.callback()
def _language(
    lang: Annotated[
        str | None,
        typer.Option("--lang", help="en or ko; left out, the locale decides (LC_ALL, LC_MESSAGES, LANG)."),
    ] = None,
) -> None:
    """Choose the language before anything is said."""
    speak(language_of(os.environ, lang))
    if lang is not None and lang not in LANGUAGES:
        raise typer.BadParameter(said(_EN_OR_KO), param_hint="--lang")


@app.command("serve")
def serve_command(
    no_jobs: Annotated[
        bool, typer.Option("--no-jobs", help="Only HTTP; another process runs the jobs.")
    ] = False,
) -> None:
    """Receive PortOne's webhooks and users' requests, and run payment jobs."""
    run(lambda settings: serve(settings, with_jobs=not no_jobs), serving=True)


@app.command("work")
def work_command() -> None:
    """Run payment jobs only, until stopped."""
    run(lambda settings: work(settings, until_empty=False), serving=True)


@app.command("drain")
def drain_command() -> None:
    """Run payment jobs until none is left, then exit; for cron and serverless."""
    run(lambda settings: work(settings, until_empty=True), serving=True)


app.command("doctor")(doctor_command)
app.command("status")(status_command)
app.command("reconcile")(reconcile_command)


@app.command("version")
def version_command() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Console script entry point."""
    app()

"""What runs the worker agrees with the worker: exit codes, grace periods, settings, user, health."""

from __future__ import annotations

import re

from sandbox.setup.paths import PROJECT_ROOT
from worker.serve import EXIT_MISCONFIGURED
from worker.settings import Settings
from worker.web.guard import _GUARDED, BODY_LIMIT
from worker.web.webhook_route import BODY_LIMIT as WEBHOOK_LIMIT

UNIT = (PROJECT_ROOT / "ops" / "systemd" / "portone-worker.service").read_text()
DOCKERFILE = (PROJECT_ROOT / "Dockerfile").read_text()
DEPLOY = (PROJECT_ROOT / "docs" / "deploy.md").read_text()
GRACE = Settings.model_fields["shutdown_grace_seconds"].default


def test_systemd_gives_the_worker_its_time_and_does_not_restart_a_wrong_setting() -> None:
    assert f"RestartPreventExitStatus={EXIT_MISCONFIGURED}\n" in UNIT
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert int(stop) > GRACE
    assert "DynamicUser=yes" in UNIT


def test_the_image_is_not_root_and_says_when_it_is_ill() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    (user,) = re.findall(r"^USER (\d+)$", last, re.MULTILINE)
    assert int(user) > 0
    assert "/health/live" in last.split("HEALTHCHECK")[1]
    assert "sandbox" not in re.sub(r"#.*", "", DOCKERFILE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    kept = {
        line[1:] for line in (PROJECT_ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert {name for line in copied for name in line.split()} == kept


def test_every_guarded_route_is_in_the_proxys_table_with_its_limits() -> None:
    table = DEPLOY.split("| path | who | body | time |")[1].split("\n\n")[0]
    snippet = DEPLOY.split("```nginx")[1].split("```")[0]
    for prefix in _GUARDED:
        name = prefix.strip("/")
        assert f"/{name}`" in table
        assert name in snippet
    assert f"{BODY_LIMIT // 1024} KiB" in table
    assert f"{WEBHOOK_LIMIT // 1024} KiB" in table
    assert f"client_max_body_size {WEBHOOK_LIMIT // 1024}k;" in snippet


def test_settings_named_in_the_guide_exist() -> None:
    for name in (
        "SHUTDOWN_GRACE_SECONDS",
        "TRUSTED_PROXY_HOPS",
        "METRICS_TOKEN",
        "LEASE_SECONDS",
        "WEBHOOK_SPOOL_DIR",
        "LOG_FILE",
    ):
        assert name.lower() in Settings.model_fields
        assert name in DEPLOY
    assert f"`SHUTDOWN_GRACE_SECONDS` ({GRACE:.0f})" in DEPLOY

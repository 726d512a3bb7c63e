"""Dashboard and alert rules speak of metrics that exist, and operations.md of every alert, and the other way round."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from sandbox.setup.paths import PROJECT_ROOT
from tests.unit.test_metrics import STATUS, scraped
from worker.metrics import PREFIX

OPS = PROJECT_ROOT / "ops"
DASHBOARD: dict[str, Any] = json.loads((OPS / "grafana" / "portone-worker.json").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((OPS / "prometheus" / "alerts.yml").read_text())["groups"][0][
    "rules"
]
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
    rule["expr"] for rule in RULES
]


async def known_names() -> set[str]:
    """Every series a worker gives when everything has happened once."""
    names: set[str] = set()
    for family in text_string_to_metric_families((await scraped(STATUS)).text):
        names |= {sample.name for sample in family.samples} | {family.name}
        names |= {f"{family.name}_total"} if family.type == "counter" else set()
        names |= (
            {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
            if family.type == "histogram"
            else set()
        )
    return names


async def test_what_is_plotted_and_watched_exists() -> None:
    known = await known_names()
    assert len(EXPRESSIONS) > 30
    for expression in EXPRESSIONS:
        for name in re.findall(rf"\b{PREFIX}_\w+", expression):
            assert name in known, expression


async def test_every_metric_is_plotted() -> None:
    plotted = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    text = (await scraped(STATUS)).text
    # When a series began is the client library's own business.
    families = {
        family.name for family in text_string_to_metric_families(text) if not family.name.endswith("_created")
    }
    assert {name for name in families if not re.search(rf"\b{name}", plotted)} == set()


def test_every_alert_has_its_section_and_the_other_way_round() -> None:
    text = (PROJECT_ROOT / "docs" / "operations.md").read_text()
    section = text.split("## Metrics and alerts\n")[1].split("\n## ")[0]
    told = set(re.findall(r"^### (\w+)$", section, re.MULTILINE))
    assert told == {rule["alert"] for rule in RULES}
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_panels_have_places_of_their_own() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)

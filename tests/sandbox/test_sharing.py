"""The suite's files are shared out so that a stack is started once and nothing long comes last."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.sharing import EARLY, LATE, ONE_STACK, rank, unit_of

ROOT = Path(__file__).parents[2]


def test_what_shares_a_stack_stays_together_and_files_do() -> None:
    assert unit_of("tests/flow/test_a.py::test_x[1::2]") == unit_of("tests/flow/test_b.py::test_y")
    assert unit_of("tests/flow/test_a.py::test_x") != unit_of("tests/chaos/test_a.py::test_x")
    assert unit_of("tests/sql/test_a.py::Test::test_x[a::b]") == "tests/sql/test_a.py"


def test_stacks_start_first_and_unit_tests_last() -> None:
    units = [
        "tests/unit/test_a.py",
        "tests/sql/test_few.py",
        "tests/sql/test_many.py",
        "tests/flow/",
        "tests/chaos/",
    ]
    sizes = {"tests/sql/test_many.py": 9, "tests/unit/test_a.py": 99}
    ordered = [units[4], units[3], units[2], units[1], units[0]]
    random.shuffle(units)
    assert sorted(units, key=lambda unit: rank(unit, sizes.get(unit, 1))) == ordered


@pytest.mark.parametrize("place", [*EARLY, *LATE])
def test_every_place_named_exists(place: str) -> None:
    assert list(ROOT.glob(f"{place}*.py"))


def test_every_folder_with_a_stack_of_its_own_is_named() -> None:
    with_stack = {
        f"tests/{path.parent.name}/"
        for path in ROOT.glob("tests/*/conftest.py")
        if "running_world(" in path.read_text()
    }
    assert with_stack == set(ONE_STACK)

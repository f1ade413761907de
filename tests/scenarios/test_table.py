"""The table of scenarios is whole: each clause is there, each test and each switch exists, no switch is forgotten."""

import importlib
from pathlib import Path

import pytest

from tests.scenarios.elsewhere import DONE, LEFT_OUT
from tests.scenarios.table import CLAUSES, RULE, SIMULATED

TESTS = Path(__file__).resolve().parents[1]
VENDORS = ("heygen", "elevenlabs", "veo", "runway", "remotion")
FIRST_OF_EXECUTORS = 36
# What a simulator needs to play a scenario, and what tests of other things ask of it.
HELPERS = {"authority", "render_s", "hold_s", "denied", "poor", "failing_uploads", "private_uploads"}
# A vendor that is away, or a result that is not there yet: of each vendor, beside what its contract names.
OF_EVERY_VENDOR = {"unavailable", "without_address", "without_output", "forget", "no_progress", "fatal", "refuses"}


@pytest.mark.parametrize("group", CLAUSES)
def test_each_clause_has_a_test(group: str) -> None:
    first = FIRST_OF_EXECUTORS if group == "executors" else 1

    found = {one.number for one in (*SIMULATED, *DONE) if one.group == group}

    assert found == set(range(first, first + CLAUSES[group]))


def test_what_is_left_out_says_why() -> None:
    assert all(one.group in CLAUSES and one.why for one in LEFT_OUT)


def test_named_tests_exist() -> None:
    missing = [name for one in (*SIMULATED, *DONE) for name in one.tests if not _exists(name)]

    assert missing == []


def test_switches_of_the_table_are_those_of_the_simulators() -> None:
    of_vendors = {name for vendor in VENDORS for name in _switches(vendor)}
    named = {name for one in SIMULATED for name in one.switches} - {RULE}

    assert named <= of_vendors
    assert of_vendors - named - HELPERS - OF_EVERY_VENDOR == set()


def _exists(name: str) -> bool:
    """A test by its file, classes and function."""
    file, *classes, function = name.split("::")
    text = (TESTS / file).read_text()
    return all(f"class {one}" in text for one in classes) and f"def {function}(" in text


def _switches(vendor: str) -> dict[str, object]:
    switches: dict[str, object] = importlib.import_module(f"tests.fakes.vendors.{vendor}").SWITCHES
    return switches

"""A test of what a vendor does wrong fails when the vendor does not: all of the table, with every switch off."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.scenarios.table import SIMULATED

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted({name.partition("::")[0] for one in SIMULATED for name in one.tests})
SAMPLE = "contract/vendors/test_veo.py"


def named_in(file: str) -> list[str]:
    return sorted({name for one in SIMULATED for name in one.tests if name.startswith(f"{file}::")})


@pytest.mark.timeout(900)
@pytest.mark.parametrize("file", [pytest.param(one, marks=() if one == SAMPLE else pytest.mark.slow) for one in FILES])
def test_no_test_of_a_scenario_passes_with_its_switch_off(file: str, tmp_path: Path) -> None:
    outcomes = run_switched_off(named_in(file), tmp_path / "report.xml")

    assert {name.partition("[")[0] for name in outcomes} == {name.rpartition("::")[2] for name in named_in(file)}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "failed"} == {}


def run_switched_off(names: Iterable[str], report: Path) -> Mapping[str, str]:
    """What became of each test, by its name with its parameters: passed, failed, or error where it did not begin."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", f"--junit-xml={report}"),
        *(f"tests/{name}" for name in names),
    ]
    environment = {**os.environ, "SIMULATORS_SWITCHED_OFF": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    return {case.attrib["name"]: _outcome(case) for case in ET.parse(report).iter("testcase")}  # noqa: S314 - our own


def _outcome(case: ET.Element) -> str:
    for outcome, element in (("error", "error"), ("failed", "failure")):
        if case.find(element) is not None:
            return outcome
    return "passed"

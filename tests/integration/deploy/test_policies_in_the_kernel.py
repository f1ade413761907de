"""What the evaluator answers about the central pairs is what a kernel does with the same policies."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.deploy.kernel_rules import kernel_rules, with_addresses
from tests.unit.deploy.manifests import Document, of_kind
from tests.unit.deploy.policies import may_reach
from tests.unit.deploy.ways import ALLOWED, PEERS

LAB = Path(__file__).with_name("netns_lab.py")
IN_A_NAMESPACE = ("unshare", "--map-root-user", "--net")
POLICIES = list(of_kind("NetworkPolicy").values())
WAYS = (
    ("callback-gateway", "pipeline", 50051),
    ("callback-gateway", "postgres", 5432),
    ("executor", "pipeline", 50051),
    ("internet", "pipeline", 50051),
    ("executor", "metadata", 80),
    # Beside what is refused stands what is not, so that a broken lab is no proof.
    ("pipeline", "postgres", 5432),
    ("executor", "internet", 443),
    ("executor", "metadata", 443),
    ("executor", "postgres", 5432),
    ("internal-gateway", "pipeline", 50051),
    ("caller", "internal-gateway", 8444),
    ("elsewhere", "internal-gateway", 8444),
    ("stranger", "pipeline", 50051),
    ("pipeline", "executor", 9464),
)
ENDS = with_addresses([PEERS[name] for name in sorted({name for way in WAYS for name in way[:2]})])


def refusal() -> str | None:
    """Why this machine cannot run the lab."""
    if missing := [program for program in ("unshare", "ip") if shutil.which(program) is None]:
        return f"needs {' and '.join(missing)}"
    tried = subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True, text=True, timeout=30, check=False)
    return f"makes no network namespaces: {tried.stderr.strip()}" if tried.returncode else None


def gone(policies: Sequence[Document]) -> dict[tuple[str, str, int], bool]:
    """What the kernel lets through under these policies."""
    plan = {
        "ends": {name: end.address for name, end in ENDS.items()},
        "rules": kernel_rules(policies, ENDS),
        "ways": WAYS,
    }
    lab = subprocess.run(
        [*IN_A_NAMESPACE, sys.executable, "-I", LAB],
        input=json.dumps(plan), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert lab.returncode == 0, lab.stderr
    return dict(zip(WAYS, json.loads(lab.stdout), strict=True))


@pytest.fixture(scope="module", autouse=True)
def _lab_can_run() -> None:
    if why := refusal():
        pytest.skip(f"this machine {why}")


def test_kernel_lets_through_what_the_evaluator_and_the_table_allow() -> None:
    seen = gone(POLICIES)

    assert seen == {way: may_reach(POLICIES, ENDS[way[0]], ENDS[way[1]], port=way[2]) for way in WAYS}
    assert seen == {(source, target, port): (source, target, "TCP", port) in ALLOWED for source, target, port in WAYS}


def test_kernel_closes_what_a_policy_opened_that_is_taken_away() -> None:
    policies = [policy for policy in POLICIES if policy["metadata"]["name"] != "executor"]

    seen = gone(policies)

    assert {way for way, open_ in seen.items() if open_} == {
        way for way in WAYS if (way[0], way[1], "TCP", way[2]) in ALLOWED and way[0] != "executor"
    }


def test_kernel_lets_everything_through_without_policies() -> None:
    assert set(gone([]).values()) == {True}

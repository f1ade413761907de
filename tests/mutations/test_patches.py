"""The patches keep up with the code: they apply, and the tests that they name are there."""

import subprocess
from pathlib import Path

import pytest

from tests.mutations.patches import Mutation, all_mutations

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = all_mutations()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_patch_applies_to_the_code_as_it_is(mutation: Mutation) -> None:
    done = subprocess.run(
        ["git", "apply", "--check", str(mutation.path)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{mutation.name} must follow the code: {done.stderr}"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_named_tests_exist(mutation: Mutation) -> None:
    for test in mutation.caught_by:
        file, *names = test.split("::")
        text = (ROOT / file).read_text()
        assert all(f"class {name}" in text or f"def {name}(" in text for name in names), f"there is no {test}"

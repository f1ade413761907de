"""The code before the newest migration, taken out of the history, passes its own tests on the schema behind it."""

import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from pipeline_service.store.migrate import MIGRATIONS

ROOT = Path(__file__).resolve().parents[3]
VERSIONS = MIGRATIONS / "versions"
WRITES_AND_READS = ("test_store", "test_reuse", "test_concurrent_edits", "test_credentials", "test_vendor_limits")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


def code_before(migration: Path) -> str:
    """The commit before the one that brought a migration. Skips the test where the history does not reach there."""
    try:
        [commit] = git("log", "--diff-filter=A", "--format=%H", "--", str(migration.relative_to(ROOT))).decode().split()
        return git("rev-parse", "--verify", f"{commit}^").decode().strip()
    except (OSError, subprocess.CalledProcessError, ValueError):
        pytest.skip(f"there is no history before {migration.name} here: a shallow clone, an archive, or not committed")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_code_before_the_newest_migration_passes_its_tests_on_the_schema_behind_it(tmp_path: Path) -> None:
    newest = max(VERSIONS.glob("[0-9]*.py"))
    with tarfile.open(fileobj=BytesIO(git("archive", code_before(newest)))) as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / newest.relative_to(ROOT)).write_bytes(newest.read_bytes())

    tests = [f"tests/integration/pipeline/{name}.py" for name in WRITES_AND_READS]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{tmp_path / 'protos' / 'gen'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

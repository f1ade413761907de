"""Takes one guard after the other out of a copy of the repository and runs the tests that must notice.

    python -m tests.mutations.run [NAME …]

A test that passes without its guard tests nothing. Ends with 0 when every mutation is caught.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.copies import PatchDoesNotApply, apply_patch, copy_repository
from tests.mutations.patches import Mutation, all_mutations

ROOT = Path(__file__).resolve().parents[2]
TEST_S = 30
"""Longest time of one test, unless it says otherwise itself; a test that hangs without its guard has noticed, too."""
RUN_S = 180
"""Longest time for all tests of one mutation."""
SURVIVED = 1
_FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one mutation."""

    mutation: Mutation
    caught_by: str
    """The first test that failed; empty when none did."""
    why: str
    """What happened instead of being caught; empty when it was."""
    seconds: float


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations.run", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="patches to try; all when none is given")
    names = parser.parse_args(arguments).names
    known = {mutation.name: mutation for mutation in all_mutations()}
    if unknown := [name for name in names if name not in known]:
        parser.error(f"expected names among {', '.join(known)}; found {', '.join(unknown)}")
    chosen = [known[name] for name in names] if names else list(known.values())

    with tempfile.TemporaryDirectory(prefix="montage-mutations-") as folder:
        if not _passes_without_patch(chosen, Path(folder)):
            return SURVIVED
        verdicts = []
        for mutation in chosen:
            verdicts.append(_try(mutation, Path(folder) / mutation.name))
            _tell(verdicts[-1])
    survivors = [verdict for verdict in verdicts if not verdict.caught_by]
    print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} mutations caught")
    return SURVIVED if survivors else 0


def _passes_without_patch(chosen: Iterable[Mutation], folder: Path) -> bool:
    """A test that fails anyway would catch everything."""
    copy = copy_repository(ROOT, folder / "unpatched")
    tests = list(dict.fromkeys(test for mutation in chosen for test in mutation.caught_by))
    done = _run_tests(copy, tests, stops_at_first=False)
    if done.returncode:
        print(f"without any patch these tests do not pass:\n{done.stdout}{done.stderr}")
    return done.returncode == 0


def _try(mutation: Mutation, folder: Path) -> Verdict:
    began = time.monotonic()
    caught_by, why = "", ""
    try:
        copy = copy_repository(ROOT, folder)
        apply_patch(mutation.path, copy)
        done = _run_tests(copy, mutation.caught_by, stops_at_first=True)
        failed = _FAILED.search(done.stdout)
        # 1 is "tests failed"; whatever else means that they could not be run.
        if done.returncode == 1 and failed:
            caught_by = failed[1]
        elif done.returncode == 0:
            why = "every test passed"
        else:
            why = f"pytest ended with {done.returncode}: {_last_line(done.stdout + done.stderr)}"
    except PatchDoesNotApply as err:
        why = str(err)
    except subprocess.TimeoutExpired:
        why = f"the tests were not over after {RUN_S} s"
    return Verdict(mutation=mutation, caught_by=caught_by, why=why, seconds=time.monotonic() - began)


def _run_tests(copy: Path, tests: Iterable[str], *, stops_at_first: bool) -> "subprocess.CompletedProcess[str]":
    options = ["-q", "-p", "no:cacheprovider", f"--timeout={TEST_S}", "--tb=short", *(["-x"] if stops_at_first else [])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join((str(copy), str(copy / "protos" / "gen")))
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_S if stops_at_first else None,
        check=False,
    )


def _tell(verdict: Verdict) -> None:
    word = "caught  " if verdict.caught_by else "SURVIVED"
    print(f"{word} {verdict.mutation.name} ({verdict.seconds:.0f} s)", flush=True)
    print(f"         guard: {verdict.mutation.guard}", flush=True)
    print(f"         {'by: ' + verdict.caught_by if verdict.caught_by else verdict.why}", flush=True)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

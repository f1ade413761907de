"""Which branches of our code were taken while tests ran in this process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How many branches there are, how many were taken, and where the others are, as `file:line -> line`."""

    branches: int
    taken: int
    missed: tuple[str, ...]


class Branches:
    """Measures from its making on."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        include = [str(ROOT / package.replace(".", "/") / "*") for package in packages]
        self._coverage = coverage.Coverage(branch=True, data_file=None, config_file=False, include=include)

    @contextmanager
    def measured(self) -> Iterator["Branches"]:
        """Threads that are started meanwhile are measured too."""
        self._coverage.start()
        try:
            yield self
        finally:
            self._coverage.stop()

    def taken(self, folder: Path) -> Taken:
        """What was taken up to now. `folder` takes a file."""
        report = folder / "branches.json"
        self._coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
        summaries = [file["summary"] for file in files.values()]
        return Taken(
            branches=sum(one["num_branches"] for one in summaries),
            taken=sum(one["covered_branches"] for one in summaries),
            missed=tuple(
                f"{path}:{line} -> {to}" for path, file in files.items() for line, to in file["missing_branches"]
            ),
        )

"""The fake vendor as a process, and what is on its bill."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.fakes.vendors.process import KEY

_PROGRAM = Path(__file__).parents[1] / "fakes" / "vendors" / "ledger.py"
_START_S = 20.0


@dataclass(frozen=True)
class LedgerVendor:
    """A running vendor."""

    address: str
    bill_file: Path

    def bill(self, nonce: str) -> list[dict[str, Any]]:
        """The lines for work with that nonce: what was accepted, and is to be paid."""
        return [line for line in self.jobs() if line["work"].get("nonce") == nonce]

    def jobs(self) -> list[dict[str, Any]]:
        """All lines, with when each was accepted and done by the vendor's clock, in seconds."""
        return _lines(self.bill_file)

    def refusals(self) -> list[dict[str, Any]]:
        """Submissions that were too many at once."""
        return _lines(self.bill_file.with_name("refused.jsonl"))


def most_at_once(jobs: Iterable[Mapping[str, Any]]) -> int:
    """How many jobs the vendor worked on at the same time."""
    changes = sorted(change for job in jobs for change in ((job["accepted_at"], 1), (job["done_at"], -1)))
    return max(accumulate(step for _, step in changes), default=0)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@asynccontextmanager
async def open_vendor(folder: Path, *, lose_every: int = 0, at_once: int = 0) -> AsyncIterator[LedgerVendor]:
    """Start the vendor; it is never killed before the end."""
    bill = folder / "bill.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_PROGRAM),
        "--bill",
        str(bill),
        "--lose-every",
        str(lose_every),
        "--at-once",
        str(at_once),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            address = (await process.stdout.readline()).decode().strip()
        yield LedgerVendor(address, bill)
    finally:
        with contextlib.suppress(ProcessLookupError):  # a Ctrl-C reaches it, too
            process.kill()
        await process.wait()


def key_file(folder: Path) -> str:
    """The path of a file with the key that the simulators take."""
    return secret_file(folder, "vendor", KEY)


def secret_file(folder: Path, name: str, content: str) -> str:
    """The path of a file with a secret."""
    path = folder / f"{name}.key"
    path.touch(mode=0o600)
    path.write_text(content)
    return str(path)


def replace_secret(path: Path, content: str) -> None:
    """Put another secret in place of the one that a service reads again."""
    Path(secret_file(path.parent, "another", content)).replace(path)

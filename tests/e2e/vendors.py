"""The fake vendor as a process, and what is on its bill."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
        lines = (json.loads(line) for line in self.bill_file.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if line["work"].get("nonce") == nonce]


@asynccontextmanager
async def open_vendor(folder: Path, *, lose_every: int = 0) -> AsyncIterator[LedgerVendor]:
    """Start the vendor; it is never killed before the end."""
    bill = folder / "bill.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_PROGRAM),
        "--bill",
        str(bill),
        "--lose-every",
        str(lose_every),
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
    path = folder / "vendor.key"
    path.touch(mode=0o600)
    path.write_text(KEY)
    return str(path)

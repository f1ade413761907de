"""The one who seals: hashes what was recorded into a chain, behind everybody's back, so that nobody waits for it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from pipeline_service.commands.ports import CrashPoint, nowhere
from pipeline_service.domain.audit import AuditRecord, KeptRecord
from pipeline_service.domain.seals import Seal, SealedRow, make_seal

MOST_ROWS = 5_000
"""In one seal; a transaction is never divided, so that there may be more."""


@dataclass(frozen=True, kw_only=True)
class Sealable:
    """What can be sealed now."""

    first_transaction: int | None
    """Of what is not sealed yet; None when there is nothing."""
    oldest_running: int
    """This transaction and all behind it may still write."""
    full_at: int | None
    """The transaction with which a seal would be full; None when all fits."""


class Sealing(Protocol):
    """The transaction of the one sealer."""

    async def head(self) -> Seal | None:
        """The last seal, without its digests."""

    async def sha256_of(self, number: int) -> bytes | None:
        """The hash of a seal; None when there is no such seal."""

    async def look(self, begin: int, *, most_rows: int) -> Sealable:
        """What there is from a transaction on."""

    async def digests(self, begin: int, end: int) -> bytes:
        """Those of the rows of transactions, in their order."""

    async def add(self, seal: Seal) -> None: ...


class Seals(Protocol):
    """The chain. Every method raises Unavailable."""

    def sealing(self) -> AbstractAsyncContextManager[Sealing | None]:
        """None while another process seals."""

    async def after(self, number: int) -> Seal | None:
        """The seal behind a number."""

    async def get(self, number: int) -> Seal | None: ...

    async def rows(self, begin: int, end: int) -> Sequence[SealedRow]:
        """The rows of transactions, in their order."""

    async def count_rows(self, begin: int) -> int:
        """How many there are from a transaction on."""

    async def record(self, record: AuditRecord) -> None: ...

    async def records(self, *, before: int | None, limit: int) -> Sequence[KeptRecord]:
        """Newest first."""


class Sealer:
    """Looks now and then; any number of processes may."""

    def __init__(
        self,
        *,
        seals: Seals,
        sealed: Callable[[Seal], None],
        gap: Callable[[str], None],
        most_rows: int = MOST_ROWS,
        crash_point: CrashPoint = nowhere,
    ) -> None:
        """`sealed` is told of each seal, `gap` why the chain cannot go on."""
        self._seals = seals
        self._sealed = sealed
        self._gap = gap
        self._most_rows = most_rows
        self._crash_point = crash_point
        self._last_seen: tuple[int, bytes] = (0, b"")

    async def tick(self) -> int:
        """Seal what is old enough. Answers the number of rows where there are more, else 0. Raises Unavailable."""
        async with self._seals.sealing() as sealing:
            if sealing is None or not await self._chain_goes_on(sealing):
                return 0
            head = await sealing.head()
            seal, is_full = await self._next(sealing, head)
            if seal is None:
                return 0
            await sealing.add(seal)
            await self._crash_point("seal.before_commit")
        self._last_seen = (seal.number, seal.sha256)
        self._sealed(seal)
        return seal.rows if is_full else 0

    async def _chain_goes_on(self, sealing: Sealing) -> bool:
        """Whether what this process has seen of the chain is still there. If not, it is left as evidence."""
        number, sha256 = self._last_seen
        if not number or await sealing.sha256_of(number) == sha256:
            return True
        self._gap(f"seal {number} is gone or was made anew")
        return False

    async def _next(self, sealing: Sealing, head: Seal | None) -> tuple[Seal | None, bool]:
        begin = head.to_transaction if head else 0
        found = await sealing.look(begin, most_rows=self._most_rows)
        if found.oldest_running < begin:
            self._gap("the database counts its transactions anew: it was restored from a dump")
            return None, False
        if found.first_transaction is None or found.first_transaction >= found.oldest_running:
            return None, False
        end, is_full = found.oldest_running, False
        if found.full_at is not None and found.full_at < end:
            end, is_full = max(found.full_at, found.first_transaction + 1), True
        return make_seal(head, to_transaction=end, digests=await sealing.digests(begin, end)), is_full

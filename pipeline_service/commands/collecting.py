"""Holds the store's objects and the database against each other, and removes what nothing refers to."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from pipeline_service.commands.ports import ObjectFacts
from pipeline_service.domain.audit import AuditAction, AuditRecord
from pipeline_service.domain.garbage import (
    AssetObject,
    MadeObject,
    ObjectPlace,
    OrphanReason,
    References,
    StoredObject,
    orphan_reason,
    owner_of,
    place_of,
)
from pipeline_service.domain.ids import ExecutionId, Owner

DEFAULT_GRACE = timedelta(days=7)
"""Longer than a capability holds: a callback that comes at its very end still finds its bytes."""
NO_NODE = UUID(int=0)
REMOVED_AT_ONCE = 50
"""Objects for which pipelines and assets are locked at the same time: a moment's wait for who edits one of them."""


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """An object that nothing refers to."""

    object: StoredObject
    place: ObjectPlace
    owner: Owner | None
    reason: OrphanReason


@dataclass(frozen=True, kw_only=True)
class SweepQuery:
    """What an operator asks for."""

    owner: Owner | None
    grace: timedelta
    remove: bool
    actor: str


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was found among some objects; when it was asked for, the orphans are gone."""

    orphans: Sequence[Orphan]
    looked_at: int
    foreign: int
    last_key: str
    """Behind which to go on; empty at the end."""


@dataclass(frozen=True, kw_only=True)
class ReferencePlace:
    """Where a walk over all references stands: first kept results, then assets of nodes."""

    owner: str = ""
    work_digest: str = ""
    key: str = ""
    node_uid: UUID = NO_NODE
    """Of an asset, once all results were walked over."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """That the database refers to an object."""

    place: ReferencePlace
    name: str
    """Resource name of the execution that made it, or of the node that has the asset."""
    owner: Owner
    key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What is referred to, and what the store has in its place; empty for nothing."""

    reference: Reference
    found: str


class Objects(Protocol):
    """The store's objects. Every method raises Unavailable."""

    async def head(self, key: str) -> ObjectFacts | None:
        """What lies under a key."""

    async def list_objects(self, *, after: str, limit: int) -> Sequence[StoredObject]:
        """The next objects behind a key, in the order of keys."""

    async def remove(self, keys: Sequence[str]) -> None:
        """Remove objects, whether or not they are there. Raises FailedPrecondition when the store forbids it."""


class Removal(Protocol):
    """Holds what may come to refer to objects."""

    @property
    def known(self) -> References:
        """As it is while this is held."""

    async def give_up(self, executions: Sequence[ExecutionId]) -> None:
        """Note that what is told of ended executions from now on is not kept."""


class Referrers(Protocol):
    """What refers to objects, in the database. Every method raises Unavailable."""

    async def references(self, places: Sequence[ObjectPlace], *, not_after: datetime) -> References:
        """What is known of makers and assets. A pipeline that was deleted later than `not_after` still counts."""

    def removing(self, places: Sequence[ObjectPlace], *, not_after: datetime) -> AbstractAsyncContextManager[Removal]:
        """Lock the makers' pipelines and the assets until the end: nobody keeps a result or asks for an asset."""

    async def walk(self, after: ReferencePlace, *, owner: Owner | None, limit: int) -> Sequence[Reference]:
        """The next references, in their order."""

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Write them, at once."""


class Collector:
    """The use cases of operators who look after the store. Raises Unavailable."""

    def __init__(self, *, objects: Objects, referrers: Referrers) -> None:
        self._objects = objects
        self._referrers = referrers

    async def sweep(self, query: SweepQuery, *, after: str, limit: int) -> Swept:
        """Look at the next objects behind a key; remove the orphans among them if asked to.

        Raises FailedPrecondition when the store forbids it.
        """
        if not after:
            await self._referrers.record([_begun(query)])
        not_after = datetime.now(UTC) - query.grace
        found = await self._objects.list_objects(after=after, limit=limit)
        placed = [(one, place) for one in found if (place := place_of(one.key)) is not None]
        known = await self._referrers.references([place for _, place in placed], not_after=not_after)
        orphans = _orphans(placed, known, query, not_after=not_after)
        if query.remove:
            chunks = [orphans[at : at + REMOVED_AT_ONCE] for at in range(0, len(orphans), REMOVED_AT_ONCE)]
            orphans = [one for chunk in chunks for one in await self._remove(chunk, query, not_after=not_after)]
        return Swept(
            orphans=orphans,
            looked_at=len(found),
            foreign=len(found) - len(placed),
            last_key=found[-1].key if len(found) == limit else "",
        )

    async def missing(
        self, after: ReferencePlace, *, owner: Owner | None, limit: int, actor: str
    ) -> tuple[Sequence[Missing], Sequence[Reference]]:
        """Look at the next references: those whose objects are not there as described, and all of them."""
        if after == ReferencePlace():
            await self._referrers.record([AuditRecord(actor=actor, action=AuditAction.REFERENCES_CHECKED, subject="*")])
        references = await self._referrers.walk(after, owner=owner, limit=limit)
        facts = await asyncio.gather(*(self._objects.head(one.key) for one in references))
        compared = zip(references, map(_difference, references, facts), strict=True)
        return [Missing(reference=one, found=found) for one, found in compared if found is not None], references

    async def _remove(self, chunk: Sequence[Orphan], query: SweepQuery, *, not_after: datetime) -> list[Orphan]:
        """Look again while nobody can come to refer to them, and remove what is an orphan still. Answers what is gone.

        Assets are gone before anybody may ask for them again. A maker's result is not kept from its commit on, so
        that its objects need no lock.
        """
        async with self._referrers.removing([one.place for one in chunk], not_after=not_after) as removal:
            placed = [(one.object, one.place) for one in chunk]
            orphans = _orphans(placed, removal.known, query, not_after=not_after)
            makers = {one.place.execution_id for one in orphans if isinstance(one.place, MadeObject)}
            await removal.give_up(sorted(makers))
            await self._referrers.record([_removed(one, query.actor) for one in orphans])
            await self._objects.remove([one.object.key for one in orphans if isinstance(one.place, AssetObject)])
        await self._objects.remove([one.object.key for one in orphans if isinstance(one.place, MadeObject)])
        return orphans


def _orphans(
    placed: Sequence[tuple[StoredObject, ObjectPlace]], known: References, query: SweepQuery, *, not_after: datetime
) -> list[Orphan]:
    found = []
    for one, place in placed:
        owner, reason = owner_of(place, known), orphan_reason(one, place, known, not_after=not_after)
        if reason is not None and query.owner in (None, owner):
            found.append(Orphan(object=one, place=place, owner=owner, reason=reason))
    return found


def _difference(reference: Reference, facts: ObjectFacts | None) -> str | None:
    """What the store has in place of an object; empty for nothing, None when it is as described."""
    if facts is None:
        return ""
    if facts.size_bytes != reference.size_bytes:
        return f"{facts.size_bytes} bytes"
    is_other = facts.sha256 and reference.sha256 and facts.sha256 != reference.sha256
    return f"other bytes, sha256 {facts.sha256}" if is_other else None


def _begun(query: SweepQuery) -> AuditRecord:
    details = {
        "owner": query.owner or "*",
        "grace": str(query.grace),
        "removes": "orphans" if query.remove else "nothing",
    }
    return AuditRecord(actor=query.actor, action=AuditAction.OBJECTS_SWEPT, subject="*", details=details)


def _removed(orphan: Orphan, actor: str) -> AuditRecord:
    details = {
        "reason": orphan.reason.value,
        "owner": orphan.owner or "",
        "size_bytes": str(orphan.object.size_bytes),
        "write_time": orphan.object.write_time.isoformat(),
    }
    return AuditRecord(actor=actor, action=AuditAction.OBJECT_REMOVED, subject=orphan.object.key, details=details)

"""Which objects of the store nothing refers to any more, and never will."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from pipeline_service.domain.ids import ExecutionId, Owner

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MADE = re.compile(rf"(pipelines/{_UUID}/nodes/{_UUID}/executions/({_UUID})/[^/]+/)[^/]+")
_ASSET = re.compile(r"assets/(.+)/sha256/([0-9a-f]{64})\.[a-z0-9]{1,10}")


class OrphanReason(StrEnum):
    """Why nothing refers to an object."""

    UNKNOWN_EXECUTION = "UNKNOWN_EXECUTION"
    """The database never heard of its maker, or was restored to a moment before it."""
    NOT_KEPT = "NOT_KEPT"
    """Its maker has ended, and neither a result nor a late one lies in its folder."""
    UNUSED_ASSET = "UNUSED_ASSET"
    """No node of its owner has these bytes, and nobody asked for them lately."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object as the store lists it."""

    key: str
    size_bytes: int
    write_time: datetime


@dataclass(frozen=True, kw_only=True)
class MadeObject:
    """Where something lies that a claim of an execution wrote."""

    execution_id: ExecutionId
    folder: str
    """With what it lies together: a result, its manifest, its contact sheet."""


@dataclass(frozen=True, kw_only=True)
class AssetObject:
    """Where the bytes of an asset lie."""

    owner: Owner
    sha256: str
    key: str


ObjectPlace: TypeAlias = MadeObject | AssetObject


@dataclass(frozen=True, kw_only=True)
class ExecutionFacts:
    """What the database says of an object's maker."""

    owner: Owner
    end_time: datetime | None
    """None while it is active."""
    is_bought: bool
    """Whether a purchase of its work is open: then its result may still come."""
    kept_keys: frozenset[str]
    """What nodes, executions and kept artifacts refer to of what it made."""


@dataclass(frozen=True, kw_only=True)
class AssetFacts:
    """What the database says of an asset's bytes."""

    is_used: bool
    use_time: datetime | None
    """When somebody last asked for them, to put them into a document."""


@dataclass(frozen=True, kw_only=True)
class References:
    """What the database says of the makers and assets that were asked about; unknown executions are left out."""

    executions: Mapping[ExecutionId, ExecutionFacts] = field(default_factory=dict)
    assets: Mapping[str, AssetFacts] = field(default_factory=dict)


def place_of(key: str) -> ObjectPlace | None:
    """Whose an object is; None for what is not ours to judge."""
    if made := _MADE.fullmatch(key):
        return MadeObject(execution_id=ExecutionId(UUID(made[2])), folder=made[1])
    if asset := _ASSET.fullmatch(key):
        return AssetObject(owner=Owner(asset[1]), sha256=asset[2], key=key)
    return None


def owner_of(place: ObjectPlace, known: References) -> Owner | None:
    """Whose it is; None when the database does not know."""
    if isinstance(place, AssetObject):
        return place.owner
    facts = known.executions.get(place.execution_id)
    return facts.owner if facts is not None else None


def orphan_reason(
    one: StoredObject, place: ObjectPlace, known: References, *, not_after: datetime
) -> OrphanReason | None:
    """Why an object is an orphan; None for one that is not, or may still be spoken of.

    An orphan was written, its maker has ended, and its bytes were last asked for, at or before `not_after`.
    """
    if one.write_time > not_after:
        return None
    if isinstance(place, AssetObject):
        asset = known.assets[place.key]
        is_recent = asset.use_time is not None and asset.use_time > not_after
        return None if asset.is_used or is_recent else OrphanReason.UNUSED_ASSET
    maker = known.executions.get(place.execution_id)
    if maker is None:
        return OrphanReason.UNKNOWN_EXECUTION
    if maker.is_bought or maker.end_time is None or maker.end_time > not_after:
        return None
    is_kept = any(key.startswith(place.folder) for key in maker.kept_keys)
    return None if is_kept else OrphanReason.NOT_KEPT

"""Which objects nothing refers to, decided from facts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from pipeline_service.domain.garbage import (
    AssetFacts,
    AssetObject,
    ExecutionFacts,
    MadeObject,
    OrphanReason,
    References,
    StoredObject,
    orphan_reason,
    owner_of,
    place_of,
)
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineUid
from pipeline_service.domain.keys import artifact_prefix, asset_key

NOT_AFTER = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE, AFTER = NOT_AFTER - timedelta(seconds=1), NOT_AFTER + timedelta(seconds=1)
MAKER = ExecutionId(UUID(int=3))
FOLDER = artifact_prefix(PipelineUid(UUID(int=1)), NodeUid(UUID(int=2)), MAKER, UUID(int=4))
OTHER_FOLDER = artifact_prefix(PipelineUid(UUID(int=1)), NodeUid(UUID(int=2)), MAKER, UUID(int=5))
OWNER = Owner("users/42")
SHA256 = "ab" * 32
ASSET = asset_key(OWNER, SHA256, "png")


def facts(**changes: object) -> References:
    values = {"owner": OWNER, "end_time": BEFORE, "is_bought": False, "kept_keys": frozenset(), **changes}
    return References(executions={MAKER: ExecutionFacts(**values)})  # type: ignore[arg-type]  # a case names fields


def verdict(key: str, known: References, *, written: datetime = BEFORE) -> OrphanReason | None:
    place = place_of(key)
    assert place is not None
    return orphan_reason(StoredObject(key=key, size_bytes=1, write_time=written), place, known, not_after=NOT_AFTER)


def test_keys_of_ours_say_whose_they_are() -> None:
    assert place_of(f"{FOLDER}output.mp4") == MadeObject(execution_id=MAKER, folder=FOLDER)
    assert place_of(ASSET) == AssetObject(owner=OWNER, sha256=SHA256, key=ASSET)


@pytest.mark.parametrize(
    "key",
    ["", "pipelines/", FOLDER, f"{FOLDER}deeper/output.mp4", "backup.tar", f"x{ASSET}", f"assets/sha256/{SHA256}.png",
     "assets/default/sha256/short.png", f"{ASSET}\n", "pipelines/film/nodes/a/executions/b/c/output.mp4"],
)  # fmt: skip
def test_other_keys_are_not_ours_to_judge(key: str) -> None:
    assert place_of(key) is None


def test_object_of_an_unknown_maker_is_an_orphan_of_nobody() -> None:
    assert verdict(f"{FOLDER}output.mp4", References()) is OrphanReason.UNKNOWN_EXECUTION
    assert owner_of(MadeObject(execution_id=MAKER, folder=FOLDER), References()) is None


def test_object_of_an_ended_maker_is_an_orphan_unless_its_folder_holds_what_was_kept() -> None:
    kept = facts(kept_keys=frozenset({f"{FOLDER}output.mp4"}))

    assert verdict(f"{FOLDER}output.mp4", facts()) is OrphanReason.NOT_KEPT
    assert verdict(f"{OTHER_FOLDER}output.mp4", kept) is OrphanReason.NOT_KEPT
    assert [verdict(FOLDER + name, kept) for name in ("output.mp4", "result.json", "sheet.jpg")] == [None] * 3


@pytest.mark.parametrize(
    "known",
    [facts(end_time=None), facts(end_time=AFTER), facts(is_bought=True)],
    ids=["is active", "ended lately", "its purchase is open"],
)
def test_maker_that_may_still_be_spoken_of_keeps_its_objects(known: References) -> None:
    assert verdict(f"{FOLDER}output.mp4", known) is None


def test_young_object_is_no_orphan_whoever_made_it() -> None:
    assert verdict(f"{FOLDER}output.mp4", References(), written=AFTER) is None


@pytest.mark.parametrize(
    ("is_used", "use_time", "expected"),
    [
        (False, None, OrphanReason.UNUSED_ASSET),
        (False, BEFORE, OrphanReason.UNUSED_ASSET),
        (False, AFTER, None),
        (True, None, None),
    ],
)
def test_asset_is_an_orphan_when_no_node_has_it_and_nobody_asked_lately(
    is_used: bool, use_time: datetime | None, expected: OrphanReason | None
) -> None:
    known = References(assets={ASSET: AssetFacts(is_used=is_used, use_time=use_time)})

    assert verdict(ASSET, known) is expected

"""`montage gc`: the store's objects and the database held against each other."""

from dataclasses import dataclass
from datetime import timedelta

from montage.v1 import object_service_pb2 as api

from montage_cli import output
from montage_cli.errors import ExitCode
from montage_cli.session import Session
from montage_cli.text import counted, size


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What to look for, and what to do with it."""

    owner: str
    """Empty for all."""
    grace: timedelta
    remove: bool


@dataclass
class _Count:
    objects: int = 0
    foreign: int = 0
    references: int = 0


async def collect(session: Session, sweep: Sweep) -> ExitCode:
    """Tell orphans, and remove them if asked to; then tell what is missing. Ends with 1 when something is."""
    count = _Count()
    orphans: list[api.Orphan] = []
    async for swept in session.client.sweep_objects(sweep.owner, grace=sweep.grace, remove=sweep.remove):
        orphans.extend(swept.orphans)
        count.objects += swept.looked_at
        count.foreign += swept.foreign
    missing: list[api.MissingObject] = []
    async for page in session.client.list_missing_objects(sweep.owner):
        missing.extend(page.missing)
        count.references += page.looked_at
    value = {
        "objects": count.objects,
        "foreignObjects": count.foreign,
        "references": count.references,
        "orphans": [output.as_json(one) for one in orphans],
        "missing": [output.as_json(one) for one in missing],
    }
    if not session.answer(value, names=[one.key for one in orphans]):
        _tell(orphans, missing)
        _sum_up(session, sweep, count, orphans, missing)
    return ExitCode.RUN_FAILED if missing else ExitCode.DONE


def _tell(orphans: list[api.Orphan], missing: list[api.MissingObject]) -> None:
    if orphans:
        rows = [
            (
                size(one.size_bytes),
                output.local_time(one.write_time),
                one.owner or "-",
                output.word_of(api.OrphanReason, one.reason),
                one.key,
            )
            for one in orphans
        ]
        output.write_table(("SIZE", "WRITTEN", "OWNER", "ORPHAN", "KEY"), rows)
    if missing:
        output.write_table(
            ("SIZE", "OWNER", "FOUND", "REFERRED TO BY", "MISSING KEY"),
            [(size(one.size_bytes), one.owner, one.found or "nothing", one.name, one.key) for one in missing],
        )


def _sum_up(
    session: Session, sweep: Sweep, count: _Count, orphans: list[api.Orphan], missing: list[api.MissingObject]
) -> None:
    done = "removed" if sweep.remove else "found, nothing removed"
    total = size(sum(one.size_bytes for one in orphans))
    objects = f"{counted(count.objects, 'object')}, {count.foreign} of them not ours"
    session.say(f"{objects}: {counted(len(orphans), 'orphan')} ({total}) {done}")
    session.say(f"{counted(count.references, 'reference')}: {len(missing)} missing")
    if orphans and not sweep.remove:
        session.say("'montage gc --remove' removes them")

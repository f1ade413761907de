"""Limits of vendors: locked behind pipelines and purchases, in the order of their names, and counted then."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from pipeline_service.domain.engine.working_set import LimitKey
from pipeline_service.domain.ids import Owner, PipelineUid
from pipeline_service.domain.model import Execution
from pipeline_service.domain.vendor_limit import VendorLimit, most_at_once, vendors_of
from pipeline_service.store.codec import Row
from pipeline_service.store.pool import Connection, Pool, as_json, translated

_COLUMNS = "vendor, credential, concurrency, not_before, failures, open_until, probe_until"
_LOCK = f"""
SELECT {_COLUMNS} FROM vendor_limits WHERE (vendor, credential) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY vendor, credential FOR NO KEY UPDATE
"""  # noqa: S608 - constants only
_MAKE = """
INSERT INTO vendor_limits (vendor, credential) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
"""
# Served by a partial index that holds what is open and no more. Where nobody said whose key pays, it counts as shared.
_IN_USE = """
SELECT vendor, coalesce(credential, '') AS credential, count(*) AS number FROM purchases
WHERE slot_until > $1 AND state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN') GROUP BY 1, 2
"""
_SHOW = """
SELECT vendor, credential, concurrency, not_before, coalesce(failures, 0) AS failures, open_until, probe_until
FROM (
    SELECT unnest($1::text[]) AS vendor, '' AS credential
    UNION SELECT vendor, owner FROM credentials WHERE vendor = ANY($1)
) AS known LEFT JOIN vendor_limits USING (vendor, credential)
ORDER BY vendor, credential
"""
_UPDATE = """
UPDATE vendor_limits AS v SET
    concurrency = u.concurrency, not_before = u.not_before, failures = u.failures, open_until = u.open_until,
    probe_until = u.probe_until, update_time = now()
FROM json_to_recordset($1::text::json) AS u(
    vendor text, credential text, concurrency float8, not_before timestamptz, failures int, open_until timestamptz,
    probe_until timestamptz
)
WHERE v.vendor = u.vendor AND v.credential = u.credential
"""
_OWN_KEYS = """
SELECT DISTINCT owner, vendor FROM credentials
WHERE (owner, vendor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""


async def load_own_keys(
    connection: Connection, bought: Iterable[Execution], owners: Mapping[PipelineUid, Owner]
) -> list[tuple[Owner, str]]:
    """Of those for whom executions buy: who has a key of its own, and at which vendor. None buys: no statement."""
    asked = sorted({(owners[one.pipeline_uid], one.work.provider) for one in bought})
    rows = await connection.fetch(_OWN_KEYS, *zip(*asked, strict=True)) if asked else ()
    return [(Owner(row["owner"]), row["vendor"]) for row in rows]


async def load_limits(
    connection: Connection, asked: Collection[LimitKey], concurrency: Mapping[str, int], *, now: datetime
) -> list[VendorLimit]:
    """Locked, of vendors that have one. None is asked for: no statement.

    Counted in a statement of its own: its snapshot must be younger than the lock, else two claims would each take the
    last place.
    """
    known = sorted(key for key in asked if key[0] in concurrency)
    if not known:
        return []
    names = tuple(zip(*known, strict=True))
    rows = await connection.fetch(_LOCK, *names)
    if len(rows) < len(known):
        await connection.execute(_MAKE, *names)
        rows = await connection.fetch(_LOCK, *names)
    in_use = _by_key(await connection.fetch(_IN_USE, now))
    return [_limit(row, concurrency, in_use) for row in rows]


async def save_limits(
    connection: Connection, now: Mapping[LimitKey, VendorLimit], before: Mapping[LimitKey, VendorLimit]
) -> None:
    """Write the difference; the lock is the guard."""
    changed = [_values(one) for key, one in now.items() if _values(one) != _values(before[key])]
    if changed:
        await connection.execute(_UPDATE, as_json(changed))


async def show_limits(pool: Pool, concurrency: Mapping[str, int]) -> tuple[datetime, list[VendorLimit]]:
    """The shared one of each vendor, and those of owners with a key, as they are, by name; and the database's clock.

    Locks nothing. Raises Unavailable.
    """
    with translated():
        now: datetime = await pool.fetchval("SELECT clock_timestamp()")
        rows = await pool.fetch(_SHOW, vendors_of(concurrency))
        in_use = _by_key(await pool.fetch(_IN_USE, now))
    return now, [_limit(row, concurrency, in_use) for row in rows]


def _by_key(rows: Iterable[Row]) -> dict[LimitKey, int]:
    return {(row["vendor"], row["credential"]): row["number"] for row in rows}


def _limit(row: Row, concurrency: Mapping[str, int], in_use: Mapping[LimitKey, int]) -> VendorLimit:
    vendor, credential = row["vendor"], row["credential"]
    return VendorLimit(
        vendor=vendor,
        credential=credential,
        maximum=most_at_once(concurrency, vendor, credential),
        in_use=in_use.get((vendor, credential), 0),
        current=row["concurrency"],
        not_before=row["not_before"],
        failures=row["failures"],
        open_until=row["open_until"],
        probe_until=row["probe_until"],
    )


def _values(limit: VendorLimit) -> dict[str, object]:
    return {
        "vendor": limit.vendor,
        "credential": limit.credential,
        "concurrency": limit.current,
        "not_before": limit.not_before,
        "failures": limit.failures,
        "open_until": limit.open_until,
        "probe_until": limit.probe_until,
    }

"""Limits of vendors: locked behind pipelines and purchases, in the order of their names, and counted then."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import asyncpg

from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Buys
from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.store.codec import Row
from pipeline_service.store.pool import Connection, Pool, as_json, translated

# Everything is bought with the one credential of its vendor, which has no name.
_COLUMNS = "vendor, concurrency, not_before, failures, open_until, probe_until"
_LOCK = f"""
SELECT {_COLUMNS} FROM vendor_limits WHERE vendor = ANY($1) AND credential = '' ORDER BY vendor FOR NO KEY UPDATE
"""  # noqa: S608 - constants only
_MAKE = "INSERT INTO vendor_limits (vendor) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
# Served by a partial index that holds what is open and no more.
_IN_USE = """
SELECT vendor, count(*) AS number FROM purchases
WHERE slot_until > $1 AND state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN') AND credential = '' GROUP BY vendor
"""
_SHOW = f"SELECT {_COLUMNS} FROM vendor_limits WHERE credential = ''"  # noqa: S608 - constants only
_UPDATE = """
UPDATE vendor_limits AS v SET
    concurrency = u.concurrency, not_before = u.not_before, failures = u.failures, open_until = u.open_until,
    probe_until = u.probe_until, update_time = now()
FROM json_to_recordset($1::text::json) AS u(
    vendor text, concurrency float8, not_before timestamptz, failures int, open_until timestamptz,
    probe_until timestamptz
)
WHERE v.vendor = u.vendor AND v.credential = ''
"""


async def load_limits(
    connection: Connection, executions: Iterable[Execution], concurrency: Mapping[str, int], *, now: datetime
) -> list[VendorLimit]:
    """Those of the vendors that executions buy from, locked. None is bought: no statement.

    Counted in a statement of its own: its snapshot must be younger than the lock, else two claims would each take the
    last place.
    """
    asked = sorted({one.work.provider for one in executions if one.buys is not Buys.NOTHING} & concurrency.keys())
    if not asked:
        return []
    rows = await connection.fetch(_LOCK, asked)
    if len(rows) < len(asked):
        await connection.execute(_MAKE, asked)
        rows = await connection.fetch(_LOCK, asked)
    in_use = {row["vendor"]: row["number"] for row in await connection.fetch(_IN_USE, now)}
    return [_limit(row, concurrency, in_use=in_use.get(row["vendor"], 0)) for row in rows]


async def save_limits(
    connection: Connection, now: Mapping[str, VendorLimit], before: Mapping[str, VendorLimit]
) -> None:
    """Write the difference; the lock is the guard."""
    changed = [_values(one) for one in now.values() if _values(one) != _values(before[one.vendor])]
    if changed:
        await connection.execute(_UPDATE, as_json(changed))


async def show_limits(pool: Pool, concurrency: Mapping[str, int]) -> tuple[datetime, list[VendorLimit]]:
    """All of them as they are, by name, and the database's clock. Locks nothing. Raises Unavailable."""
    with translated():
        now: datetime = await pool.fetchval("SELECT clock_timestamp()")
        rows = {row["vendor"]: row for row in await pool.fetch(_SHOW)}
        in_use = {row["vendor"]: row["number"] for row in await pool.fetch(_IN_USE, now)}
    return now, [
        _limit(rows[vendor], concurrency, in_use=in_use.get(vendor, 0))
        if vendor in rows
        else VendorLimit(vendor=vendor, maximum=concurrency[vendor], in_use=in_use.get(vendor, 0))
        for vendor in sorted(concurrency)
    ]


def _limit(row: Row | asyncpg.Record, concurrency: Mapping[str, int], *, in_use: int) -> VendorLimit:
    return VendorLimit(
        vendor=row["vendor"],
        maximum=concurrency[row["vendor"]],
        in_use=in_use,
        current=row["concurrency"],
        not_before=row["not_before"],
        failures=row["failures"],
        open_until=row["open_until"],
        probe_until=row["probe_until"],
    )


def _values(limit: VendorLimit) -> dict[str, object]:
    return {
        "vendor": limit.vendor,
        "concurrency": limit.current,
        "not_before": limit.not_before,
        "failures": limit.failures,
        "open_until": limit.open_until,
        "probe_until": limit.probe_until,
    }

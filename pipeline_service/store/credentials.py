"""Closed secrets. A value is a row that is never changed but for its wrapped key and the time of its last use."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from pipeline_service.commands.credential_ports import HeldWork
from pipeline_service.domain.audit import AuditRecord
from pipeline_service.domain.credentials import Credential, CredentialKey, Sealed
from pipeline_service.domain.ids import Claim, ExecutionId, Owner
from pipeline_service.store.audit import write_records
from pipeline_service.store.pool import ACQUIRE_TIMEOUT_S, Connection, Pool, translated

_COLUMNS = (
    "owner, vendor, version, master_key_id, wrapped_key, nonce, ciphertext, expire_time, create_time, last_used_time"
)
_PUT = f"""
INSERT INTO credentials (owner, vendor, version, master_key_id, wrapped_key, nonce, ciphertext, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}
"""  # noqa: S608 - constants only
# Two who put at once leave both values: the newer one counts, and the next one that is put removes the other.
_FORGET_OLDER = "DELETE FROM credentials WHERE owner = $1 AND vendor = $2 AND version < $3"
_DELETE = "DELETE FROM credentials WHERE owner = $1 AND vendor = $2"
_FIND = f"""
SELECT {_COLUMNS} FROM credentials WHERE owner = $1 AND vendor = $2 ORDER BY version DESC LIMIT 1
"""  # noqa: S608 - constants only
_PAGE = f"""
SELECT DISTINCT ON (owner, vendor) {_COLUMNS} FROM credentials
WHERE ($1::text IS NULL OR owner = $1) AND (owner, vendor) > ($2, $3)
ORDER BY owner, vendor, version DESC LIMIT $4
"""  # noqa: S608 - constants only
_NOTE_USE = "UPDATE credentials SET last_used_time = now() WHERE owner = $1 AND vendor = $2 AND version = $3"
_REPLACE_KEY = """
UPDATE credentials SET wrapped_key = $5, master_key_id = $6
WHERE owner = $1 AND vendor = $2 AND version = $3 AND wrapped_key = $4
"""
# Another value is perhaps of another account: what was learned of the one before says nothing of it.
_FORGET_LIMIT = """
UPDATE vendor_limits SET concurrency = NULL, not_before = NULL, failures = 0, open_until = NULL, probe_until = NULL
WHERE vendor = $1 AND credential = $2
"""
_HELD = """
SELECT p.owner, e.provider, b.credential
FROM executions AS e JOIN pipelines AS p ON p.uid = e.pipeline_uid LEFT JOIN purchases AS b ON b.id = e.purchase_id
WHERE e.id = $1 AND (
    (e.claim = $2 AND e.lease_until > clock_timestamp())
    OR EXISTS (
        SELECT FROM purchases AS q
        WHERE q.id = e.purchase_id AND q.claim = $2 AND q.lease_until > clock_timestamp()
    )
)
"""


class PostgresCredentials:
    """As the role that keeps state; the other one sees none."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def next_version(self) -> int:
        with translated():
            return int(await self._pool.fetchval("SELECT nextval('credential_versions')"))

    async def put(
        self, key: CredentialKey, version: int, sealed: Sealed, *, expire_time: datetime | None, record: AuditRecord
    ) -> Credential:
        async with self._transaction() as connection:
            row = await connection.fetchrow(
                _PUT,
                *(key.owner, key.vendor, version, sealed.master_key_id, sealed.wrapped_key, sealed.nonce),
                *(sealed.ciphertext, expire_time),
            )
            await connection.execute(_FORGET_OLDER, key.owner, key.vendor, version)
            await connection.execute(_FORGET_LIMIT, key.vendor, key.owner)
            await write_records(connection, [record])
        return _credential(row)

    async def delete(self, key: CredentialKey, *, record: AuditRecord) -> bool:
        return await self._changed(record, _DELETE, key.owner, key.vendor)

    async def page(
        self, owner: Owner | None, *, after: CredentialKey | None, limit: int, record: AuditRecord | None = None
    ) -> Sequence[Credential]:
        place = (after.owner, after.vendor) if after else ("", "")
        async with self._transaction() as connection:
            rows = await connection.fetch(_PAGE, owner, *place, limit)
            await write_records(connection, [record] if record else [])
        return [_credential(row) for row in rows]

    async def find(self, key: CredentialKey) -> Credential | None:
        with translated():
            row = await self._pool.fetchrow(_FIND, key.owner, key.vendor)
        return _credential(row) if row else None

    async def note_use(self, credential: Credential, *, record: AuditRecord) -> bool:
        key = credential.key
        return await self._changed(record, _NOTE_USE, key.owner, key.vendor, credential.version)

    async def held_work(self, execution: ExecutionId, claim: Claim) -> HeldWork | None:
        with translated():
            row = await self._pool.fetchrow(_HELD, execution, claim)
        if row is None:
            return None
        return HeldWork(owner=Owner(row["owner"]), provider=row["provider"], credential=row["credential"])

    async def replace_key(self, credential: Credential, sealed: Sealed, *, record: AuditRecord) -> bool:
        key, before = credential.key, credential.sealed.wrapped_key
        return await self._changed(
            record,
            *(_REPLACE_KEY, key.owner, key.vendor, credential.version, before, sealed.wrapped_key),
            sealed.master_key_id,
        )

    async def _changed(self, record: AuditRecord, statement: str, *parameters: object) -> bool:
        """Change rows and write the record; nothing, when no row was there."""
        async with self._transaction() as connection:
            has_changed: bool = not (await connection.execute(statement, *parameters)).endswith(" 0")
            await write_records(connection, [record] if has_changed else [])
        return has_changed

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
                yield connection


def _credential(row: Any) -> Credential:
    return Credential(
        key=CredentialKey(owner=Owner(row["owner"]), vendor=row["vendor"]),
        version=row["version"],
        sealed=Sealed(
            master_key_id=row["master_key_id"],
            wrapped_key=row["wrapped_key"],
            nonce=row["nonce"],
            ciphertext=row["ciphertext"],
        ),
        expire_time=row["expire_time"],
        create_time=row["create_time"],
        last_use_time=row["last_used_time"],
    )

"""Secrets in the database: closed, bound to their rows, handed out to who holds such work, each use on record."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from devstack.layout import OWNER_ROLE
from pipeline_service.commands.credentials import Credentials
from pipeline_service.commands.errors import ClaimNotLive, CredentialUnreadable, NoMasterKeys, NotAllowed, NotFound
from pipeline_service.domain.credentials import CredentialKey
from pipeline_service.domain.engine.reports import Start
from pipeline_service.domain.ids import Claim, ExecutionId, Owner
from pipeline_service.store.credentials import PostgresCredentials
from pipeline_service.store.pool import Pool
from pipeline_service.vault.envelope import Envelope
from pipeline_service.vault.file_keys import FileKeys
from pipeline_service.vault.master_keys import Ring
from tests.due_times import expire
from tests.factories import noop
from tests.integration.pipeline.conftest import Database
from tests.integration.pipeline.rig import Rig

OPS = "spiffe://montage/ops/test"
EXECUTOR = "spiffe://montage/executor"
CANARY = "sk-canary-2c9e41d7"
HEYGEN = CredentialKey(owner=Owner("default"), vendor="heygen")
RUNWAY = CredentialKey(owner=Owner("users/42"), vendor="runway")
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
ROOT = Path(__file__).resolve().parents[3]


def credentials(pool: Pool, *, active: str = "old", **keys: bytes) -> Credentials:
    ring = Ring(active=active, keys=keys or {"old": OLD})
    return Credentials(store=PostgresCredentials(pool), vault=Envelope(FileKeys(lambda: ring)))


async def put(pool: Pool, key: CredentialKey, value: str = CANARY) -> None:
    await credentials(pool).put(key, value, expire_time=None, actor=OPS)


async def audited(pool: Pool) -> list[tuple[str, str, str]]:
    rows = await pool.fetch("SELECT action, actor, subject FROM audit ORDER BY id")
    return [(row["action"], row["actor"], row["subject"]) for row in rows]


async def test_secret_that_is_put_again_has_a_new_version_and_one_row(pool: Pool) -> None:
    await put(pool, HEYGEN, "first")
    await put(pool, HEYGEN, "second")

    found, value = await credentials(pool).access(HEYGEN, actor=OPS)

    assert value == "second"
    assert await pool.fetchval("SELECT count(*) FROM credentials") == 1
    assert found.version == 2


async def test_version_is_not_used_again_after_a_deletion(pool: Pool) -> None:
    await put(pool, HEYGEN)
    await credentials(pool).delete(HEYGEN, actor=OPS)

    kept = await credentials(pool).put(HEYGEN, CANARY, expire_time=None, actor=OPS)

    assert kept.version == 2


async def test_every_call_leaves_one_record(pool: Pool) -> None:
    store = credentials(pool)
    await put(pool, HEYGEN)
    await store.list(None, after=None, limit=10, actor=OPS)
    await store.access(HEYGEN, actor="spiffe://montage/internal-gateway")
    await store.touch(HEYGEN, actor="spiffe://montage/internal-gateway")
    await store.delete(HEYGEN, actor=OPS)

    assert [(action, actor.rpartition("/")[2]) for action, actor, _ in await audited(pool)] == [
        ("CREDENTIAL_PUT", "test"),
        ("CREDENTIALS_LISTED", "test"),
        ("CREDENTIAL_ACCESSED", "internal-gateway"),
        ("CREDENTIAL_TOUCHED", "internal-gateway"),
        ("CREDENTIAL_DELETED", "test"),
    ]


async def test_refused_access_leaves_no_record(pool: Pool) -> None:
    with pytest.raises(NotFound):
        await credentials(pool).access(HEYGEN, actor=OPS)
    with pytest.raises(NotFound):
        await credentials(pool).delete(HEYGEN, actor=OPS)
    with pytest.raises(NoMasterKeys):
        await Credentials(store=PostgresCredentials(pool), vault=None).access(HEYGEN, actor=OPS)

    assert await audited(pool) == []


async def test_list_pages_by_owner_and_vendor_and_shows_no_value(pool: Pool) -> None:
    for key in (RUNWAY, HEYGEN):
        await put(pool, key)

    first = await credentials(pool).list(None, after=None, limit=1, actor=OPS)
    rest = await credentials(pool).list(None, after=first[0].key, limit=10, actor=OPS)

    assert [one.key for one in (*first, *rest)] == [HEYGEN, RUNWAY]
    assert CANARY not in repr((first, rest))


async def test_ciphertexts_swapped_between_rows_open_nowhere(database: Database, pool: Pool) -> None:
    await put(pool, HEYGEN, "of heygen")
    await put(pool, RUNWAY, "of runway")
    # As somebody who may write anything.
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    await owner.execute("""
        UPDATE credentials AS c
        SET wrapped_key = o.wrapped_key, nonce = o.nonce, ciphertext = o.ciphertext FROM credentials AS o
        WHERE o.owner <> c.owner
    """)
    await owner.close()

    for key in (HEYGEN, RUNWAY):
        with pytest.raises(CredentialUnreadable):
            await credentials(pool).access(key, actor=OPS)


async def test_old_row_that_is_put_back_does_not_pass_for_the_new_version(database: Database, pool: Pool) -> None:
    await put(pool, HEYGEN, "leaked")
    stolen = await pool.fetchrow("SELECT wrapped_key, nonce, ciphertext FROM credentials")
    await put(pool, HEYGEN, "fresh")
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    await owner.execute("UPDATE credentials SET wrapped_key = $1, nonce = $2, ciphertext = $3", *stolen)
    await owner.close()

    with pytest.raises(CredentialUnreadable):
        await credentials(pool).access(HEYGEN, actor=OPS)


async def test_dump_of_the_database_and_the_repository_open_nothing(database: Database, pool: Pool) -> None:
    """No value is in any column in clear, and no 32 bytes of the dump or of the repository are the key to it."""
    await put(pool, HEYGEN)
    await credentials(pool).access(HEYGEN, actor=OPS)
    dump = await dump_of(database)

    assert b"CREDENTIAL_PUT" in dump, "the dump sees what is there"
    assert CANARY.encode() not in dump
    assert CANARY.encode().hex().encode() not in dump
    candidates = {bytes.fromhex(found) for found in re.findall(r"[0-9a-f]{64}", dump.decode())}
    candidates |= {bytes.fromhex(found) for text in texts_of_repository() for found in hex_keys(text)}
    assert len(candidates) > 10, "and tries something"
    for key in candidates:
        with pytest.raises(CredentialUnreadable):
            await credentials(pool, active="old", old=key).access(HEYGEN, actor=OPS)


async def test_rewrapped_secrets_open_without_the_old_master_key(pool: Pool) -> None:
    for key in (HEYGEN, RUNWAY):
        await put(pool, key, f"of {key.vendor}")

    moving = credentials(pool, active="new", old=OLD, new=NEW)
    moved = [await moving.rewrap_all(actor="rewrap") for _ in range(2)]

    assert moved == [2, 0]
    for key in (HEYGEN, RUNWAY):
        assert (await credentials(pool, active="new", new=NEW).access(key, actor=OPS))[1] == f"of {key.vendor}"
    assert [action for action, _, _ in await audited(pool)].count("CREDENTIAL_REWRAPPED") == 2


async def test_worker_gets_the_secret_of_the_work_that_it_holds_and_no_other(rig: Rig, pool: Pool) -> None:
    execution, claim = await claimed(rig)
    vendor = CredentialKey(owner=Owner("default"), vendor="local")
    await put(pool, vendor, "of the owner")
    await put(pool, HEYGEN)
    store = credentials(pool)

    _, value = await store.access_for_work(execution, claim, vendor="local", actor=EXECUTOR)

    assert value == "of the owner"
    with pytest.raises(NotAllowed, match="not of 'heygen'"):
        await store.access_for_work(execution, claim, vendor="heygen", actor=EXECUTOR)
    with pytest.raises(ClaimNotLive):
        await store.access_for_work(execution, Claim(uuid4()), vendor="local", actor=EXECUTOR)
    with pytest.raises(ClaimNotLive):
        await store.access_for_work(ExecutionId(uuid4()), claim, vendor="local", actor=EXECUTOR)


async def test_worker_whose_lease_is_over_gets_nothing(rig: Rig, pool: Pool) -> None:
    execution, claim = await claimed(rig)
    await put(pool, CredentialKey(owner=Owner("default"), vendor="local"))
    await expire(pool, "lease_until", [execution])

    with pytest.raises(ClaimNotLive):
        await credentials(pool).access_for_work(execution, claim, vendor="local", actor=EXECUTOR)


async def test_worker_that_is_done_gets_nothing(rig: Rig, pool: Pool) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await rig.complete("a")
    ended = await rig.latest("a")
    assert ended.last_claim is not None

    with pytest.raises(ClaimNotLive):
        await credentials(pool).access_for_work(ended.id, ended.last_claim, vendor="local", actor=EXECUTOR)


async def test_expiry_is_kept_as_it_was_told(pool: Pool) -> None:
    until = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

    await credentials(pool).put(HEYGEN, CANARY, expire_time=until, actor=OPS)

    assert (await credentials(pool).access(HEYGEN, actor=OPS))[0].expire_time == until


async def claimed(rig: Rig) -> tuple[ExecutionId, Claim]:
    await rig.import_(noop("a"))
    await rig.run()
    execution, claim = await rig.latest("a"), Claim(uuid4())
    await rig.reporter.report(
        Start(execution_id=execution.id, claim=claim, dispatch_no=execution.dispatch_no, actor=EXECUTOR)
    )
    return execution.id, claim


async def dump_of(database: Database) -> bytes:
    """Every row of every table, as the owner reads them."""
    owner = await asyncpg.connect(database.urls[OWNER_ROLE], password=database.passwords[OWNER_ROLE])
    try:
        tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            row["text"]
            for table in tables
            for row in await owner.fetch(f"SELECT t::text AS text FROM {table['tablename']} AS t")  # noqa: S608
        ]
    finally:
        await owner.close()
    return "\n".join(rows).encode()


def texts_of_repository() -> list[str]:
    return [
        path.read_text(encoding="utf-8", errors="replace")
        for folder in ("pipeline_service", "servicekit", "deploy", "devstack", "docs", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in {".py", ".md", ".yaml", ".conf", ".json", ".sql"}
    ]


def hex_keys(text: str) -> list[str]:
    return re.findall(r"\b[0-9a-f]{64}\b", text)

"""Stacks of embedded servers, started and stopped for real."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import astuple
from pathlib import Path

import asyncpg
import pytest

from devstack.layout import DATABASE, ENGINE_ROLE, OWNER_ROLE, SERVICE_ROLES, SUPERUSER_ROLE
from devstack.ports import PortReservations
from devstack.stack import DataInUse, NotADataFolder, Stack, StackOptions, wipe_data
from devstack.supervisor import StartFailed

INFRASTRUCTURE = ("postgres", "nats", "s3")
Until = Callable[[Callable[[], object]], Awaitable[None]]


async def connect(
    stack: Stack, role: str, *, password: str | None = None, database: str = DATABASE
) -> asyncpg.Connection:
    return await asyncpg.connect(
        host="127.0.0.1",
        port=stack.addresses.ports.postgres,
        user=role,
        database=database,
        password=stack.layout.postgres_password(role).read_text() if password is None else password,
        ssl=False,
    )


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with Stack(StackOptions(processes=INFRASTRUCTURE)) as running:
        yield running


async def test_postgres_keeps_what_it_commits_on_disk_with_checksums(stack: Stack) -> None:
    connection = await connect(stack, SUPERUSER_ROLE, database="postgres")
    names = ("fsync", "synchronous_commit", "data_checksums", "password_encryption", "listen_addresses", "jit")

    found = {name: await connection.fetchval(f"SHOW {name}") for name in names}
    await connection.close()

    assert found == {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "password_encryption": "scram-sha-256",
        "listen_addresses": "127.0.0.1",
        "jit": "off",
    }


@pytest.mark.parametrize("role", SERVICE_ROLES)
async def test_owner_makes_tables_that_the_service_uses_only_as_it_is_granted(stack: Stack, role: str) -> None:
    owner, service = await connect(stack, OWNER_ROLE), await connect(stack, role)
    await owner.execute("CREATE TABLE IF NOT EXISTS things (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    await owner.execute(f"GRANT INSERT ON things TO {role}")

    await service.execute("INSERT INTO things (name) VALUES ('a')")

    for refused in (
        "SELECT name FROM things",
        "CREATE TABLE mine (id int)",
        "DROP TABLE things",
        "ALTER TABLE things ADD COLUMN x int",
        "CREATE ROLE friend",
        "CREATE DATABASE other",
        f"SET ROLE {OWNER_ROLE}",
        "COPY things TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT rolpassword FROM pg_authid",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(refused)
    await owner.close()
    await service.close()


@pytest.mark.parametrize(
    ("role", "password"), [(ENGINE_ROLE, "wrong"), (ENGINE_ROLE, ""), (SUPERUSER_ROLE, "postgres")]
)
async def test_wrong_password_is_refused(stack: Stack, role: str, password: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(stack, role, password=password)


@pytest.mark.parametrize("role", SERVICE_ROLES)
async def test_service_may_not_enter_another_database(stack: Stack, role: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connect(stack, role, database="postgres")


async def test_no_secret_stands_in_a_command_line_or_log(stack: Stack, below: Callable[[int], set[int]]) -> None:
    pids = below(os.getpid())
    lines = b"\0".join(command_line(pid) for pid in pids)
    logs = b"".join(log.read_bytes() for log in stack.layout.logs.iterdir())

    secrets = {path.read_bytes() for path in stack.layout.secrets.rglob("*") if path.suffix in {".password", ".secret"}}

    assert len(pids) >= 4
    assert len(secrets) == 10
    assert not [secret for secret in secrets if secret in lines or secret in logs]


async def test_killed_server_comes_back_with_its_data(stack: Stack) -> None:
    connection = await connect(stack, OWNER_ROLE)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    await connection.close()

    for name in INFRASTRUCTURE:
        await stack.process(name).kill()
        await stack.process(name).wait_ready()

    connection = await connect(stack, OWNER_ROLE)
    assert await connection.fetchval("SELECT answer FROM kept") == 42
    await connection.close()
    assert [process.restarts for process in stack.processes] == [1, 1, 1]


async def test_two_stacks_at_once_share_nothing_and_leave_nothing(
    below: Callable[[int], set[int]], alive: Callable[[int], bool]
) -> None:
    stacks = [Stack(StackOptions(processes=INFRASTRUCTURE)) for _ in range(2)]
    before = below(os.getpid())

    await asyncio.gather(*(stack.__aenter__() for stack in stacks))
    one, other = stacks
    pids = below(os.getpid()) - before
    ports = [set(astuple(stack.addresses.ports)) for stack in stacks]
    await asyncio.gather(*(stack.__aexit__(None, None, None) for stack in stacks))

    assert one.data != other.data
    assert not ports[0] & ports[1]
    assert len(pids) >= 8
    assert not [pid for pid in pids if alive(pid)]
    assert not one.data.exists()
    assert not other.data.exists()


async def test_kept_data_is_found_again_under_a_path_with_space_umlaut_and_quote(awkward_folder: Path) -> None:
    options = StackOptions(data=awkward_folder / "data", processes=INFRASTRUCTURE)
    async with Stack(options) as stack:
        ports, certificate = stack.addresses.ports, stack.layout.ca_cert.read_bytes()
        connection = await connect(stack, OWNER_ROLE)
        await connection.execute("CREATE TABLE kept AS SELECT 'grüße' AS word")
        await connection.close()

    async with Stack(options) as stack:
        assert stack.layout.ca_cert.read_bytes() == certificate
        assert json.loads(stack.layout.ports.read_text())["postgres"] == stack.addresses.ports.postgres
        assert stack.addresses.ports.postgres == ports.postgres
        connection = await connect(stack, OWNER_ROLE)
        assert await connection.fetchval("SELECT word FROM kept") == "grüße"
        await connection.close()
    assert (stack.layout.logs / "postgres.previous.jsonl").is_file()


async def test_second_stack_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    options = StackOptions(data=tmp_path / "data", processes=("nats",))
    async with Stack(options) as stack:
        with pytest.raises(DataInUse, match="another devstack runs on"):
            await Stack(options).__aenter__()
        with pytest.raises(DataInUse):
            wipe_data(tmp_path / "data")

        assert stack.process("nats").pid


async def test_reset_empties_a_data_folder_and_refuses_a_foreign_one(tmp_path: Path) -> None:
    async with Stack(StackOptions(data=tmp_path / "data", processes=("nats",))):
        pass
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "lock").touch()
    (foreign / "birthday.jpg").touch()

    wipe_data(tmp_path / "data")

    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lock"]
    with pytest.raises(NotADataFolder, match="found other files"):
        wipe_data(foreign)
    assert (foreign / "birthday.jpg").exists()
    with pytest.raises(NotADataFolder):
        await Stack(StackOptions(data=foreign, processes=("nats",))).__aenter__()
    async with Stack(StackOptions(data=tmp_path / "data", processes=("nats",))) as stack:
        assert stack.process("nats").pid


async def test_held_back_process_starts_on_demand(tmp_path: Path) -> None:
    async with Stack(StackOptions(processes=("nats", "s3"), held_back=("s3",))) as stack:
        with pytest.raises(ProcessLookupError, match="s3 is not running"):
            _ = stack.process("s3").pid

        await stack.process("s3").start()

        assert stack.process("s3").pid


async def test_failing_start_says_which_process_and_shows_its_words_and_leaves_nothing(
    below: Callable[[int], set[int]],
) -> None:
    before = below(os.getpid())
    options = StackOptions(processes=("postgres", "nats"), settings={"postgres": {"shared_buffers": "nonsense"}})

    with pytest.raises(StartFailed, match="postgres ended before it was ready") as caught:
        await Stack(options).__aenter__()

    assert any("shared_buffers" in line for line in caught.value.last_words)
    assert below(os.getpid()) == before


async def test_cancelled_start_leaves_nothing(below: Callable[[int], set[int]], until: Until) -> None:
    before = below(os.getpid())
    start = asyncio.create_task(Stack(StackOptions(processes=INFRASTRUCTURE)).__aenter__())
    await until(lambda: len(below(os.getpid()) - before) >= 3)

    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start

    assert below(os.getpid()) == before


def test_unknown_process_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="found redis"):
        Stack(StackOptions(processes=("redis",)))


def test_reserved_port_is_not_given_twice_and_free_after_release() -> None:
    one, other = PortReservations(), PortReservations()
    port = one.reserve()

    assert other.reserve([port]) != port
    one.release()
    assert other.reserve([port]) == port
    other.release()

"""`montage doctor` against a running stack, one part of which is broken at a time."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from devstack.certificates import issue_client_certificate
from devstack.layout import BUCKET
from devstack.stack import StackOptions
from montage_cli.doctor import diagnose
from montage_cli.findings import Finding, Result
from tests.e2e.house import House, open_house, until
from tests.fakes.certificates import CertificateAuthority

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline")
LONG_AGO = timedelta(days=200)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    async with open_house(StackOptions(processes=PROCESSES)) as house:
        await until(lambda: all_is_well(house))
        yield house


async def findings(house: House, *, ahead: timedelta = timedelta(0), **changed: str) -> dict[str, Finding]:
    """By check, as somebody sees it whose clock is `ahead`."""
    variables = {**house.stack.env_for_client(), **changed}
    found = await diagnose(variables, folder=house.stack.data, clock=lambda: datetime.now(UTC) + ahead)
    return {one.check: one for one in found}


async def all_is_well(house: House) -> bool:
    """Whether every check is passed."""
    return {one.result for one in (await findings(house)).values()} == {Result.OK}


async def until_failed(house: House, check: str) -> Finding:
    """The finding once it failed: the service looks every two seconds."""

    async def has_failed() -> Finding | None:
        found = (await findings(house))[check]
        return found if found.result is Result.FAILED else None

    return await until(has_failed)


@asynccontextmanager
async def without(house: House, process: str) -> AsyncIterator[None]:
    """A stack in which this process is not there, and is again afterwards."""
    managed = house.stack.process(process)
    await managed.stop()
    try:
        yield
    finally:
        await managed.start()
        await managed.wait_ready()
        await until(lambda: all_is_well(house))


async def test_sound_stack_is_told_line_by_line(house: House) -> None:
    found = await findings(house)

    assert found["identity"].saw == "spiffe://montage/client/dev"
    assert found["server"].saw.startswith("spiffe://montage/pipeline, signed by our CA, good until ")
    assert found["version"].saw == "0.1.0, as this program"
    assert found["clock"].saw.startswith("ours is 0.0 s ")
    assert list(found)[-5:] == ["database", "NATS", "work queue", "object store", "vendors"]


async def test_expired_certificate_is_told_and_the_way_is_looked_at_all_the_same(house: House) -> None:
    late = issue_client_certificate(house.stack.layout, "late", now=datetime.now(UTC) - LONG_AGO)

    found = await findings(house, MONTAGE_CLIENT_CERT=str(late.cert), MONTAGE_CLIENT_KEY=str(late.key))

    assert found["expiry"].result is Result.FAILED
    assert found["expiry"].saw.startswith("the certificate expired on 20")
    assert found["server"].result is Result.OK
    assert found["admitted"].saw == "not looked at, because of 'expiry'"


@pytest.mark.parametrize(("ahead", "word"), [(timedelta(minutes=10), "ahead of"), (-timedelta(minutes=10), "behind")])
async def test_clock_that_is_wrong_is_told(house: House, ahead: timedelta, word: str) -> None:
    # A certificate that is younger than the clock is wrong would be told first.
    issue = issue_client_certificate(house.stack.layout, "timely", now=datetime.now(UTC) - timedelta(hours=1))

    found = await findings(house, ahead=ahead, MONTAGE_CLIENT_CERT=str(issue.cert), MONTAGE_CLIENT_KEY=str(issue.key))

    assert found["clock"].result is Result.FAILED, found
    assert found["clock"].saw in {
        f"ours is {seconds} s {word} that of the service" for seconds in (599.9, 600.0, 600.1)
    }


async def test_wrong_ca_is_told_with_both_names(house: House, tmp_path: Path) -> None:
    stranger = CertificateAuthority("Somebody else's CA").issue_files(tmp_path, "other", "spiffe://montage/client/dev")

    found = await findings(house, MONTAGE_CA_CERT=str(stranger.ca))

    assert found["server"].result is Result.FAILED
    assert "signed by CN=Montage development CA, our CA file holds CN=Somebody else's CA of 20" in found["server"].saw
    assert found["admitted"].result is Result.SKIPPED


async def test_certificate_of_another_ca_is_not_admitted(house: House, tmp_path: Path) -> None:
    stranger = CertificateAuthority().issue_files(tmp_path, "other", "spiffe://montage/client/dev")

    found = await findings(house, MONTAGE_CLIENT_CERT=str(stranger.cert), MONTAGE_CLIENT_KEY=str(stranger.key))

    assert found["admitted"].result is Result.FAILED
    assert found["admitted"].saw.startswith("the service hangs up on our certificate: ")


async def test_identity_of_no_client_is_told_and_not_permitted(house: House) -> None:
    executor = house.stack.layout.tls("executor")

    found = await findings(house, MONTAGE_CLIENT_CERT=str(executor.cert), MONTAGE_CLIENT_KEY=str(executor.key))

    assert found["identity"].result is Result.WARNING
    assert found["permitted"].result is Result.FAILED
    assert found["permitted"].saw.startswith("CALLER_NOT_ALLOWED: ")


async def test_missing_bucket_is_told(house: House) -> None:
    managed = house.stack.process("s3")
    whole = managed.spec
    async with without(house, "s3"):
        shutil.rmtree(house.stack.layout.s3 / "buckets" / BUCKET)
        # Devstack makes it again as soon as the store answers.
        managed.spec = replace(whole, once_ready=None)
        await managed.start()
        missing = await until_failed(house, "object store")
        found = await findings(house)
        await managed.stop()
        managed.spec = whole

    assert missing.saw == "the service does not reach it"
    assert found["database"].result is Result.OK


@pytest.mark.parametrize(("process", "check"), [("nats", "NATS"), ("postgres", "database"), ("s3", "object store")])
async def test_server_that_is_away_is_told(house: House, process: str, check: str) -> None:
    async with without(house, process):
        away = await until_failed(house, check)
        found = await findings(house)

    assert away.saw == "the service does not reach it"
    assert found["admitted"].result is Result.OK


async def test_service_that_is_away_is_not_reachable(house: House) -> None:
    async with without(house, "pipeline"):
        found = await findings(house)

    assert found["reachable"].result is Result.FAILED
    assert found["database"].saw == "not looked at, because of 'reachable'"


async def test_vendor_that_does_not_answer_is_a_warning_that_says_until_when_it_is_left_alone(house: House) -> None:
    assert "heygen 0 of 10" in (await findings(house))["vendors"].saw
    async with house.database() as database:
        await database.execute(
            "INSERT INTO vendor_limits (vendor, failures, open_until, concurrency)"
            " VALUES ('heygen', 5, clock_timestamp() + interval '5 minutes', 4)"
        )

        seen = (await findings(house))["vendors"]
        await database.execute("DELETE FROM vendor_limits")

    assert seen.result is Result.WARNING
    assert "heygen 0 of 4, does not answer, left alone until " in seen.saw

"""The endpoint's parts that need no socket and no process."""

import random
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from devstack.lambda_endpoint.due_queue import DueQueue, QueueFullError
from devstack.lambda_endpoint.errors import InvokeError
from devstack.lambda_endpoint.faults import Fate, Faults, decide, parse_faults
from devstack.lambda_endpoint.invocation import FunctionError, Outcome, RequestId
from devstack.lambda_endpoint.journal import Event, Journal, JournalInUseError
from devstack.lambda_endpoint.runtime_api import Invocation, Session
from devstack.lambda_endpoint.sigv4 import Request, authenticate
from devstack.s3.credentials import AccessKey, Credential

KEY = AccessKey("AKTEST")
CREDENTIALS = {KEY: Credential(access_key=KEY, secret_key="secret", principal="executor")}


def signed(path: str = "/2015-03-31/functions/echo/invocations", *, service: str = "lambda") -> Request:
    """A request as botocore signs it."""
    url = f"http://127.0.0.1:9001{path}"
    request = AWSRequest(method="POST", url=url, data=b"{}", headers={"Host": "127.0.0.1:9001"})
    SigV4Auth(Credentials(KEY, "secret"), service, "eu-west-1").add_auth(request)
    parts = urlsplit(url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(method="POST", path=parts.path, query=parts.query, headers=headers, body=b"{}")


@pytest.mark.parametrize(
    "path",
    [
        "/2015-03-31/functions/echo/invocations",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A0%3Afunction%3Aecho/invocations",
        "/2015-03-31/functions/echo/invocations?Qualifier=%24LATEST",
        "/2015-03-31/functions/echo/invocations?b=2&a=%20x&a=",
    ],
)
def test_authenticate_accepts_what_botocore_signs(path: str) -> None:
    assert authenticate(signed(path), CREDENTIALS, now=datetime.now(UTC)).principal == "executor"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_authenticate_at_another_time_refuses(minutes: int) -> None:
    with pytest.raises(InvokeError, match="Signature expired"):
        authenticate(signed(), CREDENTIALS, now=datetime.now(UTC) + timedelta(minutes=minutes))


def test_authenticate_for_another_service_refuses() -> None:
    with pytest.raises(InvokeError, match="scoped to the service: 'lambda'"):
        authenticate(signed(service="s3"), CREDENTIALS, now=datetime.now(UTC))


@pytest.mark.parametrize("authorization", ["", "Basic eA==", "AWS4-HMAC-SHA256 Credential=x", "AWS4-HMAC-SHA256 ,,,="])
def test_authenticate_of_a_malformed_header_refuses(authorization: str) -> None:
    request = Request(method="POST", path="/", query="", headers={"authorization": authorization}, body=b"")

    with pytest.raises(InvokeError, match="Expected"):
        authenticate(request, CREDENTIALS, now=datetime.now(UTC))


def an_event(number: int = 1) -> Event:
    return Event(request_id=RequestId(f"r-{number}"), function="echo", payload=b'{"a":1}', attempts=0)


def test_journal_reopened_has_the_same_events_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events")
    entries = [journal.add(an_event(number)) for number in range(3)]
    journal.remove(entries[1])
    journal.close()

    again = Journal(tmp_path / "events")

    assert [again.read(entry).request_id for entry in again.entries()] == ["r-0", "r-2"]
    assert again.read(entries[0]) == an_event(0)
    again.close()


def test_journal_after_a_torn_write_ignores_the_draft(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    Journal(folder).close()
    (folder / "00000000000000000001-000000.draft").write_bytes(b'{"request_')

    journal = Journal(folder)

    assert list(journal.entries()) == []
    assert [path.name for path in folder.iterdir()] == ["lock"]
    journal.close()


def test_journal_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events")
    journal.add(an_event())

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "events").iterdir()}

    assert modes == {0o600}
    journal.close()


def test_journal_in_use_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events")

    with pytest.raises(JournalInUseError, match="another endpoint"):
        Journal(tmp_path / "events")

    journal.close()


def test_queue_gives_what_is_due_first() -> None:
    queue: DueQueue[str] = DueQueue(max_items=10)
    queue.put("later", delay_s=0.02)
    queue.put("first")
    queue.put("second")

    assert [queue.get(), queue.get(), queue.get()] == ["first", "second", "later"]


def test_queue_when_full_refuses_new_items_but_not_accepted_ones() -> None:
    queue: DueQueue[int] = DueQueue(max_items=1)
    queue.put(1)

    with pytest.raises(QueueFullError, match="1 items are waiting"):
        queue.put(2)
    queue.put(3, is_forced=True)

    assert [queue.get(), queue.get()] == [1, 3]


def test_queue_when_closed_gives_nothing_more() -> None:
    queue: DueQueue[int] = DueQueue(max_items=1)
    queue.put(1)
    queue.close()

    assert queue.get() is None


def test_faults_are_read_and_repeatable() -> None:
    faults = parse_faults(("duplicate=0.5", "drop=0.2", "delay=3"))

    assert faults == Faults(drop=0.2, duplicate=0.5, delay_s=3)
    first, second = random.Random(7), random.Random(7)
    assert [decide(faults, first) for _ in range(20)] == [decide(faults, second) for _ in range(20)]
    assert decide(Faults(), first) == Fate(runs=1, delay_s=0)


@pytest.mark.parametrize("word", ["drop", "drop=2", "drop=-1", "delay=-1", "explode=1", "delay_s=1x"])
def test_faults_that_make_no_sense_are_refused(word: str) -> None:
    with pytest.raises(ValueError):
        parse_faults((word,))


def an_invocation(request_id: str) -> Invocation:
    return Invocation(request_id=RequestId(request_id), function="echo", payload=b"{}", timeout_s=1)


def test_session_takes_one_answer_for_the_current_run_only() -> None:
    session, invocation = Session(token="t"), an_invocation("r-1")
    session.hand_over(invocation)

    assert session.fetch() is invocation
    assert not session.answer("r-0", Outcome(payload=b"0"))
    assert session.answer("r-1", Outcome(payload=b"1"))
    assert not session.answer("r-1", Outcome(payload=b"2"))
    assert invocation.outcome.result(timeout=0).payload == b"1"


def test_session_that_ends_settles_the_current_and_every_later_run() -> None:
    session, current, later = Session(token="t"), an_invocation("r-1"), an_invocation("r-2")
    ended_with = Outcome(payload=b"{}", function_error=FunctionError.UNHANDLED)
    session.hand_over(current)

    session.end(ended_with)
    session.hand_over(later)

    assert current.outcome.result(timeout=0) == later.outcome.result(timeout=0) == ended_with

"""Nothing that the gateway says, to callers or to its log, tells a capability or a cause."""

import logging

import grpc
import pytest
from structlog.testing import capture_logs

from tests.integration.gateway.raw import connected, head
from tests.integration.gateway.rig import Refusal, Rig
from tests.unit.gateway.capabilities import PATH, KeyPair, just_expired, success


async def test_log_and_answers_tell_no_capability_and_no_cause(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    good, expired = rig.keys.issue(), rig.keys.issue(exp=just_expired())
    forged = KeyPair.make("k1").issue()
    said = []

    with capture_logs() as lines:
        for token in (good, expired, forged):
            said += [await rig.post(success(), cap=token), await rig.post({"node_uuid": token}, cap=token)]
            said.append(await rig.client.post(PATH + "/", params={"cap": token}))
            said.append(await rig.client.get(PATH, params={"cap": token}))
            said.append(await rig.client.post(PATH, headers={"authorization": f"Bearer {token}"}))
        for code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED):
            rig.service.refusals.append(Refusal(code, "REASON"))
            said.append(await rig.post(success(), cap=good))
        rig.service.disposition = "SUPERSEDED"
        said.append(await rig.post(success(), cap=good))
        async with connected(rig) as caller:
            await caller.send(head(cap=good, extra="Content-Length: nonsense\r\n"))
            said_raw = await caller.everything()

    heard = said_raw.decode() + "".join(f"{one.text}{one.headers}" for one in said)
    # The caller of this test runs in the same process; what its client logs is not the gateway's doing.
    records = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    written = repr(lines) + "".join(f"{one.getMessage()} {one.exc_info}" for one in records)
    assert {one.status_code for one in said} == {200, 400, 401, 404, 405, 410, 415, 422, 500, 503}
    for token in (good, expired, forged):
        # Some twenty characters from the middle: also a piece of it is too much.
        assert token[60:80] not in heard + written + await rig.metrics()
    assert "SECRET-CAUSE" not in heard
    assert {"callback_accepted", "callback_refused", "callback_stale", "callback_failed"} <= {
        line["event"] for line in lines
    }


async def test_one_audit_line_for_an_accepted_callback_none_for_a_refused_one(rig: Rig) -> None:
    with capture_logs() as lines:
        await rig.post(success())
        await rig.post(success(), cap="garbage")
        await rig.post({})

    assert [line["event"] for line in lines].count("callback_accepted") == 1
    assert len([line for line in lines if line["event"] == "callback_refused"]) == 2

"""Bodies that cannot be, among many that can: each is refused alone."""

import asyncio
import json

import pytest

from tests.integration.gateway.rig import Rig
from tests.unit.gateway.capabilities import PATH, failure

BAD = (
    b'{"node_uuid":"x","executor_type":"y","error":"\\u0000"}',
    b'{"node_uuid":"x","executor_type":"y","error":"\\ud800"}',
    b'{"node_uuid":"x","executor_type":"y","result":{"s3_key":"k","size":1,"duration":1e400000}}',
    b'{"node_uuid":"x","executor_type":"y","result":{"s3_key":"k","size":NaN}}',
    b'{"node_uuid":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
)


@pytest.mark.parametrize("bad", BAD, ids=["U+0000", "surrogate", "1e400000", "NaN", "depth 10,000"])
async def test_bad_body_is_refused_alone_and_the_others_of_its_moment_are_recorded(rig: Rig, bad: bytes) -> None:
    params = {"cap": rig.keys.issue()}
    headers = {"content-type": "application/json"}
    bodies = [json.dumps(failure(error=f"number {number}")).encode() for number in range(20)]
    bodies.insert(10, bad)

    answers = await asyncio.gather(
        *(rig.client.post(PATH, content=body, params=params, headers=headers) for body in bodies)
    )

    assert [answer.status_code for answer in answers] == [200] * 10 + [400] + [200] * 10
    assert len(rig.service.requests) == 20

"""Bodies that cannot be, among many that can: each is refused alone."""

import asyncio
import json

from tests.integration.gateway.rig import Rig
from tests.unit.gateway.capabilities import PATH, failure

BAD = (
    b'{"node_uuid":"x","executor_type":"y","error":"\\u0000"}',
    b'{"node_uuid":"x","executor_type":"y","error":"\\ud800"}',
    b'{"node_uuid":"x","executor_type":"y","result":{"s3_key":"k","size":1,"duration":1e400000}}',
    b'{"node_uuid":"x","executor_type":"y","result":{"s3_key":"k","size":NaN}}',
    b'{"node_uuid":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
)


async def test_bad_bodies_are_refused_alone_and_the_others_of_their_moment_are_recorded(rig: Rig) -> None:
    params = {"cap": rig.keys.issue()}
    headers = {"content-type": "application/json"}
    good = [json.dumps(failure(error=f"number {number}")).encode() for number in range(7)]
    bodies = [*good, *BAD, *good]

    answers = await asyncio.gather(
        *(rig.client.post(PATH, content=body, params=params, headers=headers) for body in bodies)
    )

    assert [answer.status_code for answer in answers] == [200] * 7 + [400] * len(BAD) + [200] * 7
    assert len(rig.service.requests) == 14

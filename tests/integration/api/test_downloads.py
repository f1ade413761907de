"""What GetNodeOutputUrl answers, taken at its word: the file is fetched from the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import pytest
from montage.v1.node_service_pb2 import GetNodeOutputUrlRequest

from tests.integration.pipeline.grpc_client import Client, refusal

TEXT = {"id": "script", "type": "asset", "asset": {"type": "text", "content": "Hello."}}


async def output_url(client: Client, name: str, **lifetime: int) -> Any:
    request = GetNodeOutputUrlRequest(name=f"pipelines/{name}/nodes/script")
    if lifetime:
        request.lifetime.FromTimedelta(timedelta(**lifetime))
    return await client.nodes.GetNodeOutputUrl(request)


async def test_asset_is_downloaded_under_the_name_of_its_node(client: Client, name: str) -> None:
    await client.import_(TEXT, document_id=name)

    answer = await output_url(client, name)
    async with httpx.AsyncClient() as web:
        response = await web.get(answer.url)

    assert (response.status_code, response.content) == (200, b"Hello.")
    assert answer.file_name == "script.txt"
    assert response.headers["content-disposition"] == 'attachment; filename="script.txt"'
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("lifetime", "lasts"),
    [({}, timedelta(minutes=15)), ({"seconds": 1}, timedelta(seconds=1)), ({"days": 7}, timedelta(days=7))],
)
async def test_url_works_for_as_long_as_was_asked(
    client: Client, name: str, lifetime: dict[str, int], lasts: timedelta
) -> None:
    await client.import_(TEXT, document_id=name)
    now = datetime.now(UTC)

    answer = await output_url(client, name, **lifetime)

    expires = answer.expire_time.ToDatetime(UTC)
    assert now + lasts <= expires <= datetime.now(UTC) + lasts + timedelta(seconds=1)
    assert f"X-Amz-Expires={int(lasts.total_seconds())}&" in answer.url + "&"


@pytest.mark.parametrize("lifetime", [{"seconds": 0}, {"days": 7, "seconds": 1}, {"seconds": -1}])
async def test_lifetime_out_of_range_is_refused(client: Client, name: str, lifetime: dict[str, int]) -> None:
    await client.import_(TEXT, document_id=name)

    code, reason, fields = await refusal(output_url(client, name, **lifetime))

    assert (code, reason, list(fields)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["lifetime"])


async def test_contact_sheet_of_what_has_none_is_refused(client: Client, name: str) -> None:
    await client.import_(TEXT, document_id=name)
    request = GetNodeOutputUrlRequest(name=f"pipelines/{name}/nodes/script", contact_sheet=True)

    code, reason, _ = await refusal(client.nodes.GetNodeOutputUrl(request))

    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "OUTPUT_MISSING")

"""Simulated vendors beside a stack: an executor's settings that lead to them, and nothing left behind."""

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from devstack.simulated_vendors import simulated_vendors
from executor_service.config import ExecutorSettings
from executor_service.integrations.google_token import GoogleToken, ServiceAccount
from servicekit.config import load_settings, read_secret
from tests.unit.executor.test_config import LEAST


async def test_vendors_answer_where_the_settings_lead_and_end_with_their_context() -> None:
    async with simulated_vendors() as vendors:
        settings = load_settings(ExecutorSettings, LEAST | dict(vendors.settings))
        async with httpx.AsyncClient(trust_env=False) as client:
            key = {"X-Api-Key": read_secret(settings.heygen_api_key_file)}  # type: ignore[arg-type] # it is set
            known = await client.get(f"{settings.heygen_base_url}/v3/videos/nobody", headers=key)
            stranger = await client.get(f"{settings.heygen_base_url}/v3/videos/nobody")
        account = ServiceAccount.parse(read_secret(settings.google_credentials_file))  # type: ignore[arg-type] # as above
        tokens = GoogleToken(account, token_url=settings.google_token_url)
        token = await tokens.get()
        await tokens.close()
        bills = sorted(path.name for path in vendors.bills.glob("*.jsonl"))

    assert (known.status_code, stranger.status_code) == (404, 401)
    assert token
    assert bills == ["elevenlabs.jsonl", "heygen.jsonl", "remotion.jsonl", "runway.jsonl", "veo.jsonl"]
    assert not vendors.bills.exists()
    for address in vendors.addresses.values():
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", urlsplit(address).port)

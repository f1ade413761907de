"""What the gateway's integration tests share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.integration.gateway.rig import Rig, running


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """On the loop that the process runs on: the two differ in how they end a TLS connection."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway with the settings that production has."""
    async with running(tmp_path) as rig:
        yield rig

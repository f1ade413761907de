"""What the gateway's integration tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.gateway.rig import Rig, running


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway with the settings that production has, but for a shorter deadline towards the pipeline service."""
    async with running(tmp_path) as rig:
        yield rig

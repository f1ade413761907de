"""Simulated vendors, one process each for a module, and clients that show their key."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fakes.vendors.process import Simulator, open_simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator(request.module.VENDOR, tmp_path_factory.mktemp("vendor")) as simulator:
        yield simulator


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _at_rest(vendor: Simulator) -> None:
    await vendor.switch()

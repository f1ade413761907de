"""One set of neighbours for all tests of a module, and a client at a replica of the service."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from devstack.stack import Stack
from tests.integration.api.here import Service, neighbours, serving
from tests.integration.pipeline.grpc_client import Client


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with neighbours() as stack:
        yield stack


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Service]:
    with serving(stack) as service:
        yield service


@pytest.fixture
async def client(service: Service) -> AsyncIterator[Client]:
    async with service.async_channel("client-dev") as channel:
        yield Client(channel)


@pytest.fixture
def name() -> str:
    return f"film-{uuid4().hex[:8]}"

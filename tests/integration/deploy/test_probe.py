"""The health check of our containers against a real ops listener."""

import asyncio
import sys

import pytest
from prometheus_client import CollectorRegistry

from servicekit.ops_listener import OpsListener
from tests.patience import PATIENCE_S
from tests.unit.deploy.manifests import ROOT


class NotYet(Exception):
    """Something is missing."""


async def refuse() -> None:
    raise NotYet


async def answer(port: int, *path: str) -> int | None:
    """Exit code of the probe, started as the containers start it."""
    probe = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(ROOT / "deploy/docker/probe.py"), str(port), *path
    )
    async with asyncio.timeout(PATIENCE_S):
        return await probe.wait()


@pytest.mark.parametrize(
    ("path", "code"), [((), 0), (("/healthz",), 0), (("/readyz",), 1), (("/nowhere",), 1)], ids=lambda value: str(value)
)
async def test_probe_of_a_service_that_lives_and_is_not_ready_tells_the_two_apart(
    path: tuple[str, ...], code: int
) -> None:
    ops = OpsListener(host="127.0.0.1", port=0, registry=CollectorRegistry(), checks={"queue": refuse})
    port = await ops.start()

    try:
        assert await answer(port, *path) == code
    finally:
        await ops.stop()


async def test_probe_where_nobody_listens_fails() -> None:
    ops = OpsListener(host="127.0.0.1", port=0, registry=CollectorRegistry(), checks={})
    port = await ops.start()
    await ops.stop()

    assert await answer(port, "/healthz") == 1
    assert await answer(port) == 1

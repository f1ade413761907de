"""A stack in which every service finds the others behind proxies."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from devstack.layout import DATABASE, EDIT_ROLE, ENGINE_ROLE
from devstack.stack import Stack, StackOptions
from tests.chaos.plan import EDGES
from tests.chaos.proxy import Edges
from tests.e2e.vendors import LedgerVendor

LEASE_S = "6"
"""How long a dead worker holds an execution; short, so that a run sees many of them taken over."""
START_TO_CLOSE_S = "40"
"""After which an execution whose callback was lost is looked for in the store."""
PYTHON = ("pipeline", "executor", "gateway", "lambda", "s3")
START_S = 120.0
"""The first start of all compiles everything."""
SERVICES = ("pipeline", "executor", "gateway")
"""Those that find others behind proxies, which lead somewhere only when the stack has chosen its ports."""


@asynccontextmanager
async def stack_behind(edges: Edges, *, vendor: LedgerVendor, data: Path | None, scratch: Path) -> AsyncIterator[Stack]:
    """Start it; `data` is where it keeps everything, None keeps nothing. `scratch` outlives it."""
    bytecode = _bytecode(scratch)
    settings = {name: bytecode | _settings(edges).get(name, {}) for name in PYTHON}
    async with Stack(
        StackOptions(data=data, test_types=True, settings=settings, held_back=SERVICES, start_timeout_s=START_S)
    ) as stack:
        _lead(edges, stack, vendor)
        await asyncio.gather(*(stack.process(service).start() for service in SERVICES))
        yield stack


def _bytecode(scratch: Path) -> dict[str, str]:
    """Where the shell keeps Python from writing bytecode, each of a hundred starts would compile everything anew."""
    if not os.environ.get("PYTHONDONTWRITEBYTECODE"):
        return {}
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}


def _lead(edges: Edges, stack: Stack, vendor: LedgerVendor) -> None:
    ports = stack.addresses.ports
    vendor_port = urlsplit(vendor.address).port
    for edge in EDGES:
        of = {"vendor": vendor_port, **vars(ports)}[edge.rpartition("-")[2]]
        edges.lead(edge, of)


def _settings(edges: Edges) -> dict[str, dict[str, str]]:
    """Every service finds the others behind a proxy."""
    postgres = edges["pipeline-postgres"].address
    return {
        "pipeline": {
            "PIPELINE_LEASE_S": LEASE_S,
            "PIPELINE_MAX_START_TO_CLOSE_S": START_TO_CLOSE_S,
            "PIPELINE_DATABASE_URL": f"postgresql://{ENGINE_ROLE}@{postgres}/{DATABASE}",
            "PIPELINE_EDIT_DATABASE_URL": f"postgresql://{EDIT_ROLE}@{postgres}/{DATABASE}",
            "PIPELINE_NATS_URL": f"tls://{edges['pipeline-nats'].address}",
            "PIPELINE_GATEWAY_URL": f"https://{edges['caller-gateway'].address}",
        },
        "executor": {
            "EXECUTOR_PIPELINE_ADDR": edges["executor-pipeline"].address,
            "EXECUTOR_NATS_URL": f"tls://{edges['executor-nats'].address}",
            "EXECUTOR_LEDGER_BASE_URL": f"http://{edges['executor-vendor'].address}",
        },
        "gateway": {"GATEWAY_PIPELINE_ADDR": edges["gateway-pipeline"].address},
    }

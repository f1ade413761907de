"""`bin/dev`: everything runs until Ctrl-C, and says what happens."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from devstack.addresses import DEV_PORTS
from devstack.external import ExternalServers
from devstack.layout import write_private
from devstack.nursery_client import NurseryGone
from devstack.process_table import ALL_PROCESSES
from devstack.simulated_vendors import SimulatedVendors, simulated_vendors
from devstack.stack import Stack, StackOptions
from devstack.supervisor import EventKind, ProcessEvent
from devstack.transitions import LogFollower, readable

FOLLOW_INTERVAL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class DevOptions:
    data: Path | None
    """None keeps nothing."""
    external: ExternalServers
    inherited: Mapping[str, str]
    processes: tuple[str, ...] = ALL_PROCESSES
    simulates_vendors: bool = False


async def dev(options: DevOptions) -> int:
    """Run until cancelled."""
    began = time.monotonic()
    async with AsyncExitStack() as cleanup:
        vendors = await cleanup.enter_async_context(simulated_vendors()) if options.simulates_vendors else None
        stack_options = StackOptions(
            data=options.data,
            processes=options.processes,
            preferred_ports=DEV_PORTS,
            external=options.external,
            inherited=options.inherited,
            settings={"executor": vendors.settings} if vendors else {},
        )
        stack = await cleanup.enter_async_context(Stack(stack_options, on_event=_report))
        dev_env = stack.layout.dev_env
        write_private(dev_env, env_file(stack.env_for_client()))
        cleanup.callback(lambda: dev_env.unlink(missing_ok=True))
        print(_welcome(stack, vendors, seconds=time.monotonic() - began), flush=True)
        await _follow(stack)
    return 0


def env_file(variables: Mapping[str, str]) -> str:
    """Lines that a shell can source, also when a path has a space or a quote."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


async def _follow(stack: Stack) -> None:
    followers = [LogFollower(process=process.name, log=process.spec.log) for process in stack.processes]
    while not stack.nursery.is_gone:
        for follower in followers:
            for record in follower.new_records():
                line = readable(record, process=follower.process)
                if line:
                    print(line, flush=True)
        await asyncio.sleep(FOLLOW_INTERVAL_S)
    raise NurseryGone("the parent of all processes was killed, and with it all of them")


def _report(event: ProcessEvent) -> None:
    if event.kind is EventKind.STOPPED:
        return
    print(f"{time.strftime('%H:%M:%S')}   {event.process:<9} {event.kind} {event.detail}".rstrip(), flush=True)


def _welcome(stack: Stack, vendors: SimulatedVendors | None, *, seconds: float) -> str:
    addresses, layout = stack.addresses, stack.layout
    rows = {
        "pipeline": f"{addresses.pipeline} (gRPC, mTLS)",
        "gateway": addresses.gateway_url,
        "internal": addresses.internal_url,
        "S3": f"{addresses.s3_endpoint} bucket {addresses.bucket}",
        "Lambda": addresses.lambda_endpoint,
        "database": addresses.database_url,
        "NATS": addresses.nats_url,
        "health": ", ".join((addresses.pipeline_ops_url, addresses.executor_ops_url, addresses.gateway_ops_url)),
        "data": str(layout.data),
        "logs": str(layout.logs),
    }
    if vendors:
        rows["vendors"] = f"simulated: {', '.join(vendors.addresses)}; what they would charge: {vendors.bills}"
    table = "\n".join(f"  {name:<9} {value}" for name, value in rows.items())
    return (
        f"ready in {seconds:.1f} s\n{table}\n  variables . {shlex.quote(str(layout.dev_env))}\nCtrl-C stops everything."
    )

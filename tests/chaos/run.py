"""A whole run: a house behind proxies, load, storm, healing, quiet, evidence."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging
from servicekit.tls import TlsFiles
from tests.chaos.callers import Callers
from tests.chaos.checks import find
from tests.chaos.client import Client
from tests.chaos.documents import films
from tests.chaos.edges import stack_behind
from tests.chaos.evidence import collect
from tests.chaos.history import History
from tests.chaos.load import Load
from tests.chaos.plan import EDGES, plan_faults
from tests.chaos.proxy import Edges, Proxy
from tests.chaos.pulse import Pulse
from tests.chaos.report import Report, waited_share
from tests.chaos.storm import Storm
from tests.e2e.house import House, open_store
from tests.e2e.vendors import LedgerVendor, open_vendor

SETTLE_S = 120.0
"""After the last fault: what is not over by then is stuck. Three times as long as an execution may take."""
FILMS_AT_ONCE = 80


@dataclass(frozen=True, kw_only=True)
class ChaosOptions:
    seconds: float
    seed: int
    films_at_once: int = FILMS_AT_ONCE
    keep: Path | None = None
    """Where everything stays; None leaves nothing."""


async def rage(options: ChaosOptions) -> Report:
    """Run once. Raises StartFailed when there is no house to burn."""
    load_average = os.getloadavg()[0]
    configure_logging(service="chaos", level="critical")
    with tempfile.TemporaryDirectory(prefix="montage-chaos-") as folder:
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
        async with _open_scene(options, options.keep or Path(folder)) as scene:
            return await scene.play(load_average)


@asynccontextmanager
async def _open_scene(options: ChaosOptions, folder: Path) -> AsyncIterator["_Scene"]:
    async with AsyncExitStack() as open_things:
        enter = open_things.enter_async_context
        edges = Edges({name: await enter(Proxy()) for name in EDGES})
        vendor = await enter(open_vendor(folder))
        data = folder / "house" if options.keep else None
        stack = await enter(stack_behind(edges, vendor=vendor, data=data, scratch=folder))
        history = History(folder / "history.jsonl")
        open_things.callback(history.close)
        callers = await enter(Callers(seed=options.seed, ca_cert=stack.layout.ca_cert, history=history))
        pulse = await enter(Pulse(stack))
        address = edges["client-pipeline"].address
        connection = find_connection(
            {**stack.env_for_client(), "MONTAGE_PIPELINE_ADDR": address}, folder=stack.data, repository=stack.data
        )
        uploads = await enter(MontageClient(connection))
        files = stack.layout.tls("client-dev")
        channel = await enter(ServiceChannel(address, tls=TlsFiles(cert=files.cert, key=files.key, ca=files.ca)))
        store = await enter(open_store(stack))
        load = Load(seed=options.seed, client=Client(channel, history), uploads=uploads, pulse=pulse, history=history)
        storm = Storm(stack, edges, pulse=pulse, callers=callers, history=history)
        house = House(stack, uploads, store)
        yield _Scene(options, folder, house, load, storm, pulse=pulse, callers=callers, history=history, vendor=vendor)


class _Scene:
    """Everything that one run needs, open."""

    def __init__(
        self,
        options: ChaosOptions,
        folder: Path,
        house: House,
        load: Load,
        storm: Storm,
        *,
        pulse: Pulse,
        callers: Callers,
        history: History,
        vendor: LedgerVendor,
    ) -> None:
        self._options = options
        self._folder = folder
        self._house = house
        self._load = load
        self._storm = storm
        self._pulse = pulse
        self._callers = callers
        self._history = history
        self._vendor = vendor

    async def play(self, load_average: float) -> Report:
        began = time.monotonic()
        options = self._options
        work = asyncio.create_task(
            self._load.run(
                films=films(seed=options.seed, caller=self._callers.address),
                at_once=options.films_at_once,
                seconds=options.seconds,
                folder=self._folder,
            )
        )
        await self._storm.rage(plan_faults(seed=options.seed, seconds=options.seconds))
        healed = time.monotonic()
        left_s = max(0.0, began + options.seconds - healed)
        try:
            async with asyncio.timeout(left_s + SETTLE_S):
                await work
                await self._callers.quiet()
                await self._pulse.quiet()
        except TimeoutError:
            pass  # what is not over is found below
        ended = time.monotonic()
        evidence = await collect(self._house, history=self._history, vendor=self._vendor, broken=self._pulse.broken)
        damage = self._storm.damage
        damage.faults["callbacks repeated"] += self._callers.repeats
        return Report(
            seed=options.seed,
            seconds=ended - began,
            settle_s=max(0.0, ended - max(healed, began + options.seconds)),
            executions=len(evidence.executions),
            waited_share=waited_share(evidence),
            damage=damage,
            findings=find(evidence),
            load_average=load_average,
        )

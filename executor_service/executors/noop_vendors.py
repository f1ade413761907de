"""Vendors of the test node noop: told by a line of JSON what to call back, they do so later."""

import asyncio
import json
from datetime import timedelta

from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.task import RetryLater, Task

_VENDOR_AWAY = timedelta(seconds=1)
_LOOPBACK = "127.0.0.1"


class NoopVendors:
    """One connection for each vendor, made when it is first needed and again when it broke."""

    def __init__(self) -> None:
        self._writers: dict[str, asyncio.StreamWriter] = {}
        self._connecting = asyncio.Lock()

    async def submit(self, address: str, task: Task, context: Context) -> None:
        """Hand a job over. Raises RetryLater when nobody listens, GiveUp for an address that is not on this machine."""
        job = {
            "callback_url": context.callback_url,
            "process_uuid": context.execution_id,
            "node_uuid": task.node_uid,
            "executor_type": task.node_type,
        }
        try:
            writer = await self._connected(address)
            writer.write(json.dumps(job).encode() + b"\n")
            await writer.drain()
        except OSError as err:
            self._writers.pop(address, None)
            raise RetryLater(_VENDOR_AWAY, f"the vendor at {address} does not listen") from err

    async def _connected(self, address: str) -> asyncio.StreamWriter:
        host, _, port = address.rpartition(":")
        if host != _LOOPBACK or not port.isdecimal():
            raise invalid(f"config.vendor: expected {_LOOPBACK}:port, found {address!r}")
        async with self._connecting:
            writer = self._writers.get(address)
            if writer is None or writer.is_closing():
                _, writer = await asyncio.open_connection(host, int(port))
                self._writers[address] = writer
            return writer

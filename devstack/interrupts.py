"""Ctrl-C that is safe at any moment."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_interrupted(work: Coroutine[None, None, int], *, interrupted: int) -> int:
    """Run `work`; the first signal cancels it and lets it tidy up, the second ends everything at once.

    Ending at once is safe, too: the nursery kills what is left and removes temporary data.
    """
    return asyncio.run(_watched(work, interrupted=interrupted))


async def _watched(work: Coroutine[None, None, int], *, interrupted: int) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    seen: list[int] = []

    def on_signal(number: int) -> None:
        seen.append(number)
        if len(seen) > 1:
            print("\nkilling everything", file=sys.stderr, flush=True)
            os._exit(128 + number)
        print("\nstopping (once more to kill)", file=sys.stderr, flush=True)
        task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not seen:
            raise
        return interrupted

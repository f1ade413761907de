"""Stacks that outlive one test: each runs in an event loop of its own, in a thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.stack import Stack, StackOptions

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 30


@contextmanager
def running_stack(options: StackOptions) -> Iterator[Stack]:
    """Start a stack, hand it over for reading its addresses and files, stop it. Errors of the start are raised here."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stack", daemon=True)
    thread.start()
    stack = Stack(options)
    try:
        asyncio.run_coroutine_threadsafe(stack.__aenter__(), loop).result(START_TIMEOUT_S)
        try:
            yield stack
        finally:
            asyncio.run_coroutine_threadsafe(stack.__aexit__(None, None, None), loop).result(STOP_TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT_S)
        loop.close()

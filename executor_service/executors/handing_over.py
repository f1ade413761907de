"""How a vendor gets an input: an address in a store that the internet reaches, else a copy in the vendor's own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from executor_service.executors.artifacts import download
from executor_service.executors.context import Context
from executor_service.task import ErrorType, GiveUp, MediaType, Output
from servicekit.object_store import ObjectStore

ADDRESS_LIFE = timedelta(hours=12)
"""Of a presigned address: longer than any vendor's queue."""
_MAX_ADDRESS = 2048


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a vendor takes in one place."""

    slot: str
    type: MediaType
    suffixes: Mapping[str, tuple[str, ...]]
    """Endings of a path by content type: vendors go by the ending."""
    max_bytes: int


class HandingOver:
    """`public` is the store as the internet reaches it; None where it does not."""

    def __init__(self, store: ObjectStore, public: ObjectStore | None) -> None:
        self._store = store
        self._public = public

    def address(self, source: Output, taken: Taken) -> str | None:
        """A presigned address; None when the vendor could not read it there, or not by its ending."""
        if self._public is None or not source.s3_key.lower().endswith(taken.suffixes.get(source.content_type, ())):
            return None
        url = self._public.presign_get(source.s3_key, expires=ADDRESS_LIFE)
        return url if len(url) <= _MAX_ADDRESS else None

    async def copy(
        self,
        source: Output,
        taken: Taken,
        context: Context,
        convert: Callable[[Path], Awaitable[Path]] | None = None,
    ) -> Path:
        """The input as a file whose name ends as the vendor wants it. `convert` makes one that it takes of one that it
        does not. Gives up on what it does not take, and on what is too large."""
        path = await download(self._store, source, context, slot=taken.slot, allowed=(taken.type,))
        endings = taken.suffixes.get(source.content_type)
        if endings is not None:
            named = path.with_suffix(endings[0])
            await asyncio.to_thread(path.rename, named)
        elif convert is not None:
            named = await convert(path)
        else:
            kinds, found = " or ".join(taken.suffixes), source.content_type
            raise GiveUp(ErrorType.MEDIA_MISMATCH, f"inputs.{taken.slot}: expected {kinds}, found {found}")
        size_bytes = (await asyncio.to_thread(named.stat)).st_size
        if size_bytes > taken.max_bytes:
            raise GiveUp(
                ErrorType.INVALID_INPUT,
                f"inputs.{taken.slot}: the vendor takes {taken.max_bytes} bytes, found {size_bytes}",
            )
        return named

"""Inputs from the store, results into it; the store's errors become what a worker does next."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from executor_service.executors.context import Context
from executor_service.integrations import contact_sheet
from executor_service.task import ErrorType, GiveUp, JsonValue, MediaFacts, MediaType, Output, Progress, RetryLater
from servicekit.object_store import ObjectStore
from servicekit.store_errors import AlreadyExists, ContentMismatch, ObjectMissing, StoreRefused, StoreUnavailable

CONTACT_SHEET = "contact_sheet.jpg"
MAX_TEXT_BYTES = 1024 * 1024
MAX_INPUT_BYTES = 8 * 1024**3
STORE_AWAY = timedelta(seconds=10)
"""When to try again while the store does not answer."""
_UPLOAD_S = 10.0
"""What an upload of any size needs at least; longer ones are covered by the heartbeats that go on meanwhile."""


async def read_text(store: ObjectStore, source: Output, *, slot: str) -> str:
    """The text of an input. Gives up when it is not text."""
    if source.type not in (MediaType.TEXT, MediaType.JSON):
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"inputs.{slot}: expected text, found {source.type}")
    if source.content:
        return source.content
    with store_troubles(source.s3_key):
        content = await store.get_bytes(source.s3_key, limit=MAX_TEXT_BYTES)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"inputs.{slot}: the text is not UTF-8") from err


async def read_json(store: ObjectStore, source: Output, *, slot: str) -> JsonValue:
    content = await read_text(store, source, slot=slot)
    try:
        value: JsonValue = json.loads(content)
    except (ValueError, RecursionError) as err:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"inputs.{slot}: expected JSON: {err}") from err
    return value


async def download(
    store: ObjectStore, source: Output, context: Context, *, slot: str, allowed: tuple[MediaType, ...]
) -> Path:
    """Bring an input into the attempt's folder."""
    if source.type not in allowed:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"inputs.{slot}: expected {' or '.join(allowed)}, found {source.type}")
    target = context.folder / f"input-{slot}{Path(source.s3_key).suffix}"
    with store_troubles(source.s3_key):
        await store.get_file(source.s3_key, target, max_bytes=MAX_INPUT_BYTES)
    return target


async def upload(
    store: ObjectStore,
    path: Path,
    context: Context,
    *,
    type: MediaType,  # noqa: A002 # the name of the output's field
    content_type: str,
    duration: timedelta | None = None,
    media: MediaFacts | None = None,
) -> Output:
    """Store the attempt's result as `output.<ext>`, once, and say what it is."""
    context.report_progress(Progress(stage="uploading"))
    size_bytes = await asyncio.to_thread(lambda: path.stat().st_size)
    if size_bytes == 0:
        raise GiveUp(ErrorType.INTERNAL, "the result is empty")
    sheet = await _store_contact_sheet(store, path, context) if type is MediaType.VIDEO else ""
    await context.failpoints.hit("executor.before_upload")
    context.lease.require(_UPLOAD_S)
    key = f"{context.key_prefix}output{path.suffix}"
    with store_troubles(key):
        stored = await store.put_file(key, path, content_type=content_type)
    await context.failpoints.hit("executor.after_upload")
    return Output(
        type=type,
        s3_key=key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256 or "",
        content_type=content_type,
        duration=duration,
        media=media,
        contact_sheet=sheet,
    )


async def _store_contact_sheet(store: ObjectStore, film: Path, context: Context) -> str:
    """Its name; empty when none can be drawn, for a film without one is still what was asked for."""
    jpeg = await contact_sheet.draw(film)
    if jpeg is None:
        return ""
    context.lease.require(_UPLOAD_S)
    key = context.key_prefix + CONTACT_SHEET
    with store_troubles(key):
        await store.put_bytes(key, jpeg, content_type="image/jpeg")
    return CONTACT_SHEET


@contextmanager
def store_troubles(key: str) -> Iterator[None]:
    """The one table from the store's errors to what happens next."""
    try:
        yield
    except StoreUnavailable as err:
        raise RetryLater(STORE_AWAY, "the store does not answer") from err
    except ObjectMissing as err:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"{key} is not in the store") from err
    except ContentMismatch as err:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"{key} is not as described: {err}") from err
    except AlreadyExists as err:
        # The prefix belongs to our claim alone, so only a defect of ours can have written other bytes there.
        raise GiveUp(ErrorType.INTERNAL, f"{key} holds another result already") from err
    except StoreRefused as err:
        raise GiveUp(ErrorType.CREDENTIAL, "the store refuses this worker") from err

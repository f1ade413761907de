"""The function AWS Lambda calls: makes one film, leaves a manifest, reports it.

Lambda may run an event twice and may kill a run at any line. So the manifest decides: written once, after the output
and before the callback. Whoever finds one sends it again and does nothing else.
"""

import os
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any, assert_never

from media_lambda.callback import Callback
from media_lambda.compose import compose_video
from media_lambda.deadline import Deadline, LambdaContext
from media_lambda.draft import DRAFT_SHARE, mark_draft
from media_lambda.errors import FfmpegFailed, MediaError, Unreadable
from media_lambda.event import (
    MANIFEST_NAME,
    ComposeVideo,
    Envelope,
    Job,
    MergeVideos,
    MixAudio,
    S3Object,
    parse_envelope,
    parse_order,
    parse_output,
)
from media_lambda.facts import MediaFacts
from media_lambda.ffmpeg import Ffmpeg
from media_lambda.inputs import Inputs
from media_lambda.inspector import Inspector
from media_lambda.log import log
from media_lambda.merge import merge_videos
from media_lambda.mix import mix_audio
from media_lambda.product import Product
from media_lambda.progress import Progress
from media_lambda.report import CONTENT_TYPE, failure_body, success_body
from media_lambda.room import Room
from media_lambda.settings import Settings
from media_lambda.spans import CLIENT, CONSUMER, Spans
from media_lambda.store import Store
from media_lambda.workspace import workspace

_DURATION_TOLERANCE_S = 0.1
_SHEET_NAME = "contact_sheet.jpg"


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Do what `event` asks and answer the body that was reported.

    A job that fails is reported too and is no error of the function. Raises InvalidInput when the event names no
    place to report to and CallbackFailed when the report was not accepted: then the on-failure destination gets it.
    """
    settings = Settings.from_environment(os.environ)
    deadline = Deadline.of(context)
    envelope = parse_envelope(event)
    with (
        Spans(settings.otlp_endpoint, traceparent=envelope.traceparent) as spans,
        spans.span(f"media {envelope.executor_type}", kind=CONSUMER),
    ):
        return _handle(event, envelope, settings=settings, deadline=deadline, spans=spans)


def _handle(
    event: object, envelope: Envelope, *, settings: Settings, deadline: Deadline, spans: Spans
) -> dict[str, Any]:
    callback = Callback(ca_file=settings.ca_file, deadline=deadline)
    body = _settle(event, envelope, settings=settings, deadline=deadline, callback=callback)
    log(
        "job_settled",
        node_uuid=envelope.node_uuid,
        process_uuid=envelope.process_uuid,
        executor_type=envelope.executor_type,
        error_type=body.get("error_type"),
        error=body.get("error"),
        trace_id=envelope.traceparent[3:35] or None,
    )
    with spans.span("callback", kind=CLIENT) as traceparent:
        callback.deliver(envelope.callback_url, body, traceparent=traceparent)
    return body


def _settle(
    event: object, envelope: Envelope, *, settings: Settings, deadline: Deadline, callback: Callback
) -> dict[str, Any]:
    """The body to report: the manifest's where there is one, else that of the work done now."""
    try:
        manifest = parse_output(event).sibling(MANIFEST_NAME)
        store = Store(settings)
        known = store.read_manifest(manifest)
        if known is not None:
            log("manifest_found", process_uuid=envelope.process_uuid)
            return known
    except Exception as error:
        return failure_body(envelope, _in_words(error))
    try:
        body = _produce(event, envelope, store=store, settings=settings, deadline=deadline, callback=callback)
    except Exception as error:
        body = failure_body(envelope, _in_words(error))
    try:
        return store.write_manifest(manifest, body)
    except MediaError as error:
        # The callback alone still tells what happened, so it is sent nevertheless.
        log("manifest_not_written", process_uuid=envelope.process_uuid, error=str(error))
        return body


def _produce(
    event: object, envelope: Envelope, *, store: Store, settings: Settings, deadline: Deadline, callback: Callback
) -> dict[str, Any]:
    order = parse_order(event)
    tell = partial(callback.mention, envelope.progress_url) if envelope.progress_url else None
    progress = Progress(tell=tell, total=1.0 + (DRAFT_SHARE if order.is_draft else 0.0))
    with workspace(settings.work_dir) as folder, Inspector(deadline) as inspector:
        began_s = time.monotonic()
        room = Room(folder=folder, total_bytes=settings.max_work_bytes)
        ffmpeg = Ffmpeg(room=room, deadline=deadline, progress=progress)
        inputs = Inputs(room=room, store=store, ffmpeg=ffmpeg, inspector=inspector)
        product = _make(order.job, inputs=inputs, ffmpeg=ffmpeg, folder=folder)
        facts = _checked(product, inspector)
        if order.is_draft:
            product = mark_draft(product, facts, ffmpeg=ffmpeg, folder=folder)
            facts = _checked(product, inspector)
        sheet = _upload_sheet(product.path, order.output, store=store, inspector=inspector)
        stored = store.upload(product.path, order.output, content_type=CONTENT_TYPE)
        # From the first byte read to the last byte written: what a benchmark compares.
        log("output_stored", process_uuid=envelope.process_uuid, seconds=round(time.monotonic() - began_s, 3))
    return success_body(envelope, output=order.output, stored=stored, facts=facts, sheet=sheet)


def _make(job: Job, *, inputs: Inputs, ffmpeg: Ffmpeg, folder: Path) -> Product:
    match job:
        case MergeVideos():
            return merge_videos(job, inputs=inputs, ffmpeg=ffmpeg, folder=folder)
        case MixAudio():
            return mix_audio(job, inputs=inputs, ffmpeg=ffmpeg, folder=folder)
        case ComposeVideo():
            return compose_video(job, inputs=inputs, ffmpeg=ffmpeg, folder=folder)
        case _:
            assert_never(job)


def _checked(product: Product, inspector: Inspector) -> MediaFacts:
    """What the output really is. Raises FfmpegFailed when it is not what was planned."""
    try:
        facts = inspector.probe(product.path, demuxer="mov")
    except Unreadable as error:
        raise FfmpegFailed(f"FFmpeg made a file that cannot be read: {error}") from error
    planned_s, found_s = float(product.duration), float(facts.duration)
    if abs(planned_s - found_s) > _DURATION_TOLERANCE_S:
        raise FfmpegFailed(f"FFmpeg made {found_s:.3f} s of video: expected {planned_s:.3f} s")
    return facts


def _upload_sheet(film: Path, output: S3Object, *, store: Store, inspector: Inspector) -> str:
    """Its name; empty when none can be drawn, for a film without a contact sheet is still what was asked for."""
    try:
        sheet = inspector.contact_sheet(film, demuxer="mov")
    except Unreadable as error:
        log("no_contact_sheet", error=str(error))
        return ""
    path = film.with_name(_SHEET_NAME)
    path.write_bytes(sheet)
    store.upload(path, output.sibling(_SHEET_NAME), content_type="image/jpeg")
    return _SHEET_NAME


def _in_words(error: Exception) -> MediaError:
    if isinstance(error, MediaError):
        return error
    # The message of an unforeseen error may hold anything, a key or a URL: it goes to the log's reader as a class only.
    log("unforeseen_error", kind=type(error).__name__, trace="".join(traceback.format_tb(error.__traceback__)))
    return MediaError(f"the media function failed unexpectedly ({type(error).__name__})")

"""What a function left beside its output, good or damaged."""

from typing import Any
from uuid import uuid4

import pytest

from pipeline_service.commands.reconcile import read_manifest
from pipeline_service.domain.engine.reports import Complete, Fail
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.states import MediaType

EXECUTION = ExecutionId(uuid4())
CLAIM = Claim(uuid4())
RESULT = {"s3_key": "pipelines/x/output.mp4", "duration": 1.5, "size": 10}


def read(**manifest: Any) -> Complete | Fail | None:
    return read_manifest({"process_uuid": str(EXECUTION), **manifest}, execution_id=EXECUTION, claim=CLAIM)


def test_manifest_of_a_result_is_a_completion() -> None:
    report = read(result=RESULT | {"width": 1280, "video_codec": "h264", "audio_codec": None})

    assert isinstance(report, Complete)
    assert report.is_external
    assert report.output.media is not None
    assert (report.output.media.width, report.output.media.audio_codec) == (1280, "")


def test_manifest_names_the_contact_sheet() -> None:
    report = read(result=RESULT | {"contact_sheet": "contact_sheet.jpg"})

    assert isinstance(report, Complete)
    assert report.output.contact_sheet == "contact_sheet.jpg"


def test_manifest_of_an_error_is_a_failure_without_what_cannot_be_stored() -> None:
    report = read(error="it br\x00oke", error_type="ffmpeg_error", details="last\x00 line")

    assert isinstance(report, Fail)
    assert (report.failure.message, report.failure.details) == ("it broke", "last line")


def test_manifest_cannot_choose_a_class_of_ours() -> None:
    report = read(error="x", error_type="rate_limited")

    assert isinstance(report, Fail)
    assert report.failure.error_type == "lambda_error"


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"result": RESULT, "error": "both"},
        {"result": [1]},
        {"result": {}},
        {"result": RESULT | {"duration": 1e300}},
        {"result": RESULT | {"duration": -1}},
        {"result": RESULT | {"size": -1}},
        {"result": RESULT | {"size": 2**63}},
        {"result": RESULT | {"width": 2**31}},
        {"result": RESULT | {"sha256": "xyz"}},
        {"result": RESULT | {"s3_key": ""}},
        {"result": RESULT | {"contact_sheet": "../other.jpg"}},
        {"error": 7},
        {"error": "x", "process_uuid": str(uuid4())},
        {"error": "x", "process_uuid": "not-a-uuid"},
    ],
)
def test_manifest_that_is_damaged_or_anothers_is_none(manifest: dict[str, Any]) -> None:
    assert read(**manifest) is None


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        ("application/json", MediaType.JSON),
        ("text/plain; charset=utf-8", MediaType.TEXT),
        ("image/png", MediaType.IMAGE),
        ("audio/mpeg", MediaType.AUDIO),
        ("application/octet-stream", MediaType.VIDEO),
    ],
)
def test_manifest_of_a_function_of_a_users_own_may_tell_of_any_material(
    content_type: str, media_type: MediaType
) -> None:
    report = read(result={"s3_key": "pipelines/x/output", "size": 10, "content_type": content_type})

    assert isinstance(report, Complete)
    assert (report.output.type, report.output.duration) == (media_type, None)
    assert (report.output.media is None) == (media_type in (MediaType.JSON, MediaType.TEXT))

"""The executor's dialect: which bodies are reports, and what exactly the others are told."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback_gateway.providers.executor_callback import parse
from callback_gateway.providers.json_body import MalformedReport
from callback_gateway.report import ErrorType, Failure, MediaType, Output, Report

RESULT = {"s3_key": "pipelines/123/nodes/456/output.mp4", "duration": 10.5, "size": 1048576}
SUCCESS: dict[str, Any] = {"node_uuid": "abc-123", "executor_type": "merge-videos", "result": RESULT}
FAILURE: dict[str, Any] = {
    "node_uuid": "abc-123",
    "executor_type": "merge-videos",
    "error": "FFmpeg failed",
    "error_type": "ffmpeg_error",
}


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def output_of(**changed: Any) -> Output:
    outcome = parse(encoded(SUCCESS | {"result": RESULT | changed})).outcome
    assert isinstance(outcome, Output)
    return outcome


def failure_of(**changed: Any) -> Failure:
    outcome = parse(encoded(FAILURE | changed)).outcome
    assert isinstance(outcome, Failure)
    return outcome


def test_parse_content_gives_output_without_a_key() -> None:
    body = {"node_uuid": "abc-123", "executor_type": "merge-videos", "content": '{"a": 1}'}

    assert parse(encoded(body)).outcome == Output(
        media_type=MediaType.JSON, s3_key="", size_bytes=0, content_type="application/json", content='{"a": 1}'
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"content": "x", "result": RESULT}, "content excludes result and error"),
        ({"content": "x", "error": "y"}, "content excludes result and error"),
        ({"content": ""}, "content: expected `str` of length >= 1"),
        ({"content": "x" * 4097}, "content: expected `str` of length <= 4096"),
        ({"content": "x\0"}, "content: expected text without U"),
        ({"content": "x", "content_type": "video/mp4"}, "content_type: expected text or JSON, found 'video/mp4'"),
    ],
)
def test_parse_content_that_cannot_be_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(MalformedReport) as caught:
        parse(encoded({"node_uuid": "abc-123", "executor_type": "merge-videos"} | changed))

    assert str(caught.value).startswith(told)


def test_parse_first_generation_success_gives_output() -> None:
    assert parse(encoded(SUCCESS)) == Report(
        execution_id=None,
        node_uid="abc-123",
        executor_type="merge-videos",
        outcome=Output(
            media_type=MediaType.VIDEO,
            s3_key="pipelines/123/nodes/456/output.mp4",
            size_bytes=1048576,
            content_type="video/mp4",
            duration=timedelta(seconds=10.5),
        ),
    )


def test_parse_first_generation_failure_gives_failure() -> None:
    assert parse(encoded(FAILURE)) == Report(
        execution_id=None,
        node_uid="abc-123",
        executor_type="merge-videos",
        outcome=Failure(error_type=ErrorType.FFMPEG_ERROR, message="FFmpeg failed"),
    )


def test_parse_all_facts_keeps_them() -> None:
    output = output_of(
        sha256="AB" * 32,
        content_type="video/mp4",
        width=1280,
        height=720,
        fps=30,
        video_codec="h264",
        audio_codec="aac",
        contact_sheet="contact_sheet.jpg",
    )

    assert output == Output(
        media_type=MediaType.VIDEO,
        s3_key="pipelines/123/nodes/456/output.mp4",
        size_bytes=1048576,
        content_type="video/mp4",
        duration=timedelta(seconds=10.5),
        sha256="ab" * 32,
        width=1280,
        height=720,
        fps=30.0,
        video_codec="h264",
        audio_codec="aac",
        contact_sheet="contact_sheet.jpg",
    )


def test_parse_process_uuid_names_the_execution() -> None:
    report = parse(encoded(SUCCESS | {"process_uuid": "0193A1B2-0000-7000-8000-00000000000A"}))

    assert report.execution_id == "0193a1b2-0000-7000-8000-00000000000a"


def test_parse_null_fields_are_fields_left_out() -> None:
    body = SUCCESS | {"process_uuid": None, "error": None, "result": RESULT | {"duration": None, "audio_codec": None}}

    report = parse(encoded(body))

    assert report.execution_id is None
    assert isinstance(report.outcome, Output)
    assert (report.outcome.duration, report.outcome.audio_codec) == (None, None)


def test_parse_unknown_fields_are_ignored() -> None:
    body = SUCCESS | {"status": {"deep": [1, {"x": None}]}, "result": RESULT | {"etag": "abc", "cost": 1e3}}

    assert parse(encoded(body)) == parse(encoded(SUCCESS))


def test_parse_duplicate_keys_last_one_counts() -> None:
    body = b'{"node_uuid":"first","node_uuid":"last","executor_type":"x","error":"e","error":"f"}'

    report = parse(body)

    assert report.node_uid == "last"
    assert report.outcome == Failure(error_type=ErrorType.LAMBDA_ERROR, message="f")


@pytest.mark.parametrize(
    ("stated", "key", "content_type", "media_type"),
    [
        ("video/webm", "a/b.mp4", "video/webm", MediaType.VIDEO),
        ("Audio/MPEG; q=1", "a/b", "audio/mpeg", MediaType.AUDIO),
        ("application/json", "a/b", "application/json", MediaType.JSON),
        ("text/plain;charset=utf-8", "a/b", "text/plain", MediaType.TEXT),
        ("image/png", "a/b", "image/png", MediaType.IMAGE),
        (None, "a/b.MP3", "audio/mpeg", MediaType.AUDIO),
        ("application/octet-stream", "a/b.wav", "audio/wav", MediaType.AUDIO),
        (None, "a/b.unknown", "video/mp4", MediaType.VIDEO),
    ],
)
def test_parse_content_type_stated_or_from_the_key(
    stated: str | None, key: str, content_type: str, media_type: MediaType
) -> None:
    output = output_of(content_type=stated, s3_key=key)

    assert (output.content_type, output.media_type) == (content_type, media_type)


@pytest.mark.parametrize(
    ("stated", "error_type", "message"),
    [
        ("invalid_input", ErrorType.INVALID_INPUT, "FFmpeg failed"),
        ("lambda_error", ErrorType.LAMBDA_ERROR, "FFmpeg failed"),
        (None, ErrorType.LAMBDA_ERROR, "FFmpeg failed"),
        ("internal", ErrorType.LAMBDA_ERROR, "FFmpeg failed (internal)"),
        ("rate_limited", ErrorType.LAMBDA_ERROR, "FFmpeg failed (rate_limited)"),
    ],
)
def test_parse_error_type_only_what_callers_may_claim(stated: str | None, error_type: ErrorType, message: str) -> None:
    found = failure_of(error_type=stated)

    assert (found.error_type, found.message) == (error_type, message)


def test_parse_long_failure_keeps_start_of_message_and_end_of_details() -> None:
    found = failure_of(error="é" * 5000, details="start" + "é" * 10_000 + "end")

    assert found.message == "é" * 1024
    assert len(found.details.encode()) <= 8192
    assert found.details.startswith("é")
    assert found.details.endswith("éend")


def test_parse_empty_error_still_is_a_failure() -> None:
    assert failure_of(error="").message == "no reason given"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "body: expected a JSON object"),
        (b"{", "body: expected a JSON object"),
        (b"[]", "body: expected `object`, got `array`"),
        (b"null", "body: expected `object`, got `null`"),
        (b'"text"', "body: expected `object`, got `str`"),
        (b'{"a":NaN}', "body: expected a JSON object"),
        (b'\xef\xbb\xbf{"node_uuid":"x"}', "body: expected a JSON object"),
        (b'{"node_uuid":"\xff"}', "body: expected UTF-8, found byte 0xff at 14"),
        (b'{"zz":"\xed\xa0\x80"}', "body: expected UTF-8"),
        (b'{"node_uuid":"\\ud800 lone"}', "body: expected a JSON object"),
        (b'{"node_uuid":"\\udc00"}', "body: expected a JSON object"),
        (b"{}", "node_uuid is required"),
        (encoded(SUCCESS | {"node_uuid": None}), "node_uuid is required"),
        (encoded(SUCCESS | {"node_uuid": ""}), "node_uuid is required"),
        (encoded({"node_uuid": "x"}), "executor_type is required"),
        (encoded(SUCCESS | {"executor_type": ""}), "executor_type is required"),
        (encoded({"node_uuid": "x", "executor_type": "y"}), "result or error is required"),
        (encoded(SUCCESS | {"error": "e"}), "result and error exclude each other"),
        (encoded(SUCCESS | {"node_uuid": 5}), "node_uuid: expected `str | null`, got `int`"),
        (encoded(SUCCESS | {"node_uuid": "x" * 129}), "node_uuid: expected `str` of length <= 128"),
        (encoded(SUCCESS | {"executor_type": ["x"]}), "executor_type: expected `str | null`, got `array`"),
        (encoded(SUCCESS | {"process_uuid": "abc"}), "process_uuid: expected a UUID, found 'abc'"),
        (
            encoded(SUCCESS | {"process_uuid": "{0193a1b2-0000-7000-8000-00000000000a}"}),
            "process_uuid: expected a UUID",
        ),
        (encoded(SUCCESS | {"node_uuid": "a\0b"}), "node_uuid: expected text without U+0000"),
        (encoded(FAILURE | {"details": "a\0b"}), "details: expected text without U+0000"),
        (encoded(SUCCESS | {"result": "ok"}), "result: expected `object | null`, got `str`"),
        (encoded(SUCCESS | {"result": {}}), "result: object missing required field `s3_key`"),
        (encoded(SUCCESS | {"result": {"s3_key": "k"}}), "result: object missing required field `size`"),
        (encoded(SUCCESS | {"result": RESULT | {"s3_key": ""}}), "result.s3_key: expected `str` of length >= 1"),
        (encoded(SUCCESS | {"result": RESULT | {"s3_key": "a\0"}}), "result.s3_key: expected text without U+0000"),
        (encoded(SUCCESS | {"result": RESULT | {"s3_key": None}}), "result.s3_key: expected `str`, got `null`"),
        (encoded(SUCCESS | {"result": RESULT | {"size": "1"}}), "result.size: expected `int`, got `str`"),
        (encoded(SUCCESS | {"result": RESULT | {"size": -1}}), "result.size: expected `int` >= 0"),
        (encoded(SUCCESS | {"result": RESULT | {"size": True}}), "result.size: expected `int`, got `bool`"),
        (encoded(SUCCESS | {"result": RESULT | {"size": 2**63}}), "result.size: "),
        (encoded(SUCCESS | {"result": RESULT | {"duration": -0.1}}), "result.duration: expected `float` >= 0"),
        (encoded(SUCCESS | {"result": RESULT | {"duration": 1e12}}), "result.duration: expected `float` <= 31536000"),
        (
            b'{"node_uuid":"x","executor_type":"y","result":{"s3_key":"k","size":1,"duration":1e999}}',
            "result.duration: ",
        ),
        (b'{"node_uuid":"x","executor_type":"y","result":{"s3_key":"k","size":1,"fps":Infinity}}', "body: "),
        (encoded(SUCCESS | {"result": RESULT | {"contact_sheet": "../a.jpg"}}), "result.contact_sheet: "),
        (encoded(SUCCESS | {"result": RESULT | {"sha256": "abc"}}), "result.sha256: expected `str` matching regex"),
        (encoded(SUCCESS | {"result": RESULT | {"sha256": "ab" * 32 + "\n"}}), "result.sha256: "),
        (encoded(SUCCESS | {"result": RESULT | {"width": 2**31}}), "result.width: expected `int` <= 2147483647"),
        (encoded(SUCCESS | {"result": RESULT | {"content_type": "font/ttf"}}), "result.content_type: expected media"),
        (encoded(FAILURE | {"error": {"message": "x"}}), "error: expected `str | null`, got `object`"),
        (b'{"zz":' + b"[" * 60_000, "body: expected at most 16 levels of nesting"),
        (b'{"zz":' + b"[" * 16 + b"]" * 16 + b"}", "body: expected at most 16 levels of nesting"),
        (b'{"zz":"\\"[","yy":' + b'{"a":' * 20, "body: expected at most 16 levels of nesting"),
    ],
)
def test_parse_malformed_body_names_the_field(body: bytes, words: str) -> None:
    with pytest.raises(MalformedReport) as caught:
        parse(body)

    assert str(caught.value).startswith(words)


def test_parse_brackets_inside_text_are_no_nesting() -> None:
    assert failure_of(error='[[[[{"' * 100).message == '[[[[{"' * 100


def test_parse_sixteen_levels_are_accepted() -> None:
    body = encoded(SUCCESS)[:-1] + b',"zz":' + b"[" * 15 + b"]" * 15 + b"}"

    assert parse(body).node_uid == "abc-123"


texts = st.text(st.sampled_from('a1-/\0é😀\\"[{'), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*SUCCESS, *FAILURE, "process_uuid", "details", "zz"]), json_values))
def test_parse_any_json_is_a_report_or_malformed(document: dict[str, Any]) -> None:
    try:
        report = parse(encoded(document))
    except MalformedReport:
        return
    assert report.node_uid == document["node_uuid"]


@given(st.binary(max_size=200))
def test_parse_any_bytes_are_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReport):
        parse(body)

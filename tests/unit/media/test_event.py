"""Events, valid and not."""

from typing import Any

import pytest

from media_lambda.errors import InvalidInput
from media_lambda.event import (
    ComposeVideo,
    Crop,
    MergeVideos,
    MixAudio,
    MixMode,
    Position,
    S3Object,
    Transition,
    parse_envelope,
    parse_order,
    parse_output,
)


def an_event(executor_type: str = "merge-videos", **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "executor_type": executor_type,
        "node_uuid": "n-1",
        "process_uuid": "p-1",
        "inputs": {"segments": ["s3://b/one.mp4", "s3://b/two.mp4"]},
        "output_bucket": "montage",
        "output_key": "pipelines/p/output.mp4",
        "callback_url": "https://gateway/spi?cap=x",
        "config": {"provider": "ffmpeg"},
    }
    return {name: value for name, value in (event | changes).items() if value is not None}


def faults(event: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_order(event)
    return str(caught.value)


def test_order_of_merge_names_segments_and_manifest() -> None:
    order = parse_order(an_event())

    assert order.job == MergeVideos(
        segments=(S3Object(bucket="b", key="one.mp4"), S3Object(bucket="b", key="two.mp4")),
        transition=Transition.CUT,
        loudness_lufs=-16,
    )
    assert str(order.output.sibling("result.json")) == "s3://montage/pipelines/p/result.json"


def test_order_of_merge_in_the_older_form_reads_input_videos() -> None:
    order = parse_order(an_event(inputs=None, input_videos=["s3://b/1", "s3://b/2", "s3://b/3"], config=None))

    assert isinstance(order.job, MergeVideos)
    assert [segment.key for segment in order.job.segments] == ["1", "2", "3"]


def test_order_of_mix_has_defaults_and_takes_a_bare_text_as_list_of_one() -> None:
    order = parse_order(an_event("mix-audio", inputs={"video": "s3://b/v", "audio": ["s3://b/a"]}))

    assert order.job == MixAudio(
        video=S3Object(bucket="b", key="v"),
        audio=S3Object(bucket="b", key="a"),
        mode=MixMode.REPLACE,
        audio_volume=1.0,
        loudness_lufs=None,
    )


def test_order_of_compose_reads_all_of_its_config() -> None:
    config = {"rounded": True, "cropTop": 2, "cropWidth": 30.0, "position": "top-left", "scale": 0.5, "loudness": -20}
    inputs = {"background": ["s3://b/x"], "overlay": ["s3://b/y"]}

    order = parse_order(an_event("compose-video", inputs=inputs, config=config))

    assert order.job == ComposeVideo(
        background=S3Object(bucket="b", key="x"),
        overlay=S3Object(bucket="b", key="y"),
        rounded=True,
        crop=Crop(top=2, left=0, width=30, height=None),
        position=Position.TOP_LEFT,
        scale=0.5,
        loudness_lufs=-20,
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"executor_type": "make-tea"}, "executor_type: expected merge-videos, mix-audio or compose-video, found"),
        ({"executor_type": None}, "executor_type: expected a text, found nothing"),
        ({"node_uuid": None}, "node_uuid: expected a text, found nothing"),
        ({"inputs": {"segments": ["s3://b/one"]}}, "inputs.segments: expected 2 to 500 videos to merge, found 1"),
        ({"inputs": {"segments": []}}, "inputs.segments: expected a list of s3://bucket/key, found []"),
        ({"inputs": {"segments": ["s3://b/x", "file:///etc/passwd"]}}, "found 'file:///etc/passwd'"),
        ({"inputs": [1]}, "inputs: expected an object, found [1]"),
        ({"config": {"transition": "wipe"}}, "config.transition: expected one of cut, crossfade, fade, found 'wipe'"),
        ({"config": {"loudness": 3}}, "config.loudness: expected a number from -31 to -9, found 3"),
        ({"output_key": "../x"}, "output_key: expected folder/…/name without empty parts or '..'"),
        ({"output_key": "a/result.json"}, "output_key: result.json is the manifest's name"),
        ({"output_bucket": 7}, "output_bucket: expected a text, found 7"),
    ],
)
def test_order_with_a_fault_names_place_expected_and_found(changes: dict[str, Any], words: str) -> None:
    assert words in faults(an_event(**{"executor_type": "merge-videos", **changes}))


@pytest.mark.parametrize("value", [-0.1, 2.1, "1", True, float("nan"), float("inf"), [1]])
def test_order_with_wrong_volume_is_refused(value: object) -> None:
    event = an_event("mix-audio", inputs={"video": "s3://b/v", "audio": "s3://b/a"}, config={"audioVolume": value})

    assert "config.audioVolume: expected a number from 0 to 2, found" in faults(event)


@pytest.mark.parametrize("value", [-2, 1.5, "3", True, float("inf"), float("nan")])
def test_order_with_wrong_crop_is_refused(value: object) -> None:
    inputs = {"background": "s3://b/x", "overlay": "s3://b/y"}
    event = an_event("compose-video", inputs=inputs, config={"rounded": False, "cropWidth": value})

    assert "config.cropWidth: expected a whole number of pixels, at least 2, found" in faults(event)


@pytest.mark.parametrize("event", [None, [], "x", 7, {}])
def test_envelope_of_no_event_at_all_is_refused(event: object) -> None:
    with pytest.raises(InvalidInput):
        parse_envelope(event)
    with pytest.raises(InvalidInput):
        parse_output(event)


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example/x",
        "https://user:password@gateway/x",
        "ftp://localhost/x",
        "file:///etc/passwd",
        "https://",
        "https://gateway:port/",
        "http://127.0.0.1.example/x",
    ],
)
def test_envelope_with_unsafe_callback_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_envelope(an_event(callback_url=f"{url}?cap=c4pability"))

    assert "c4pability" not in str(caught.value)


def test_envelope_may_say_where_to_tell_progress_and_is_as_strict_about_that() -> None:
    assert parse_envelope(an_event()).progress_url == ""
    assert parse_envelope(an_event(progress_url="https://gateway/p?cap=x")).progress_url == "https://gateway/p?cap=x"
    with pytest.raises(InvalidInput) as caught:
        parse_envelope(an_event(progress_url="http://gateway/p?cap=c4pability"))
    assert "progress_url" in str(caught.value)
    assert "c4pability" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://gateway:8443/x", "http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]/"]
)
def test_envelope_with_safe_callback_url_is_taken(url: str) -> None:
    assert parse_envelope(an_event(callback_url=url)).callback_url == url


def test_envelope_of_an_otherwise_wrong_event_still_tells_whose_it_was() -> None:
    envelope = parse_envelope({"callback_url": "https://gateway/x", "node_uuid": "n-1", "process_uuid": 7})

    assert (envelope.node_uuid, envelope.process_uuid, envelope.executor_type) == ("n-1", "", "")

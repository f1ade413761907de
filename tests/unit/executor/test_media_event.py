"""The event for the FFmpeg function, and what is refused before it is invoked."""

from dataclasses import replace
from pathlib import Path

import pytest

from executor_service.executors.compose_video import compose_slots
from executor_service.executors.lambda_media import media_event
from executor_service.executors.merge_videos import merge_slots
from executor_service.executors.mix_audio import mix_slots
from executor_service.task import Config, ErrorType, GiveUp, MediaType, TaskInput
from tests.unit.executor.builders import (
    CALLBACK_URL,
    EXECUTION,
    KEY_PREFIX,
    NODE_UID,
    a_context,
    a_task,
    an_artifact,
    an_input,
)

TWO_SEGMENTS = (
    an_input("segments", an_artifact("one/output.mp4"), position=0),
    an_input("segments", an_artifact("two/output.mp4"), position=1),
)
PICTURE_AND_SOUND = (
    an_input("video", an_artifact("film.mp4")),
    an_input("audio", an_artifact("voice.m4a", type=MediaType.AUDIO)),
)
TWO_FILMS = (an_input("background", an_artifact("big.mp4")), an_input("overlay", an_artifact("small.mp4")))


def test_merge_event_names_segments_in_order_and_repeats_them_as_input_videos(tmp_path: Path) -> None:
    task = a_task(
        "merge-videos",
        provider="ffmpeg",
        config={"provider": "ffmpeg", "transition": "fade", "unset": None},
        inputs=TWO_SEGMENTS,
    )

    event = media_event(task, a_context(tmp_path), merge_slots(task), bucket="montage")

    assert event == {
        "executor_type": "merge-videos",
        "node_uuid": NODE_UID,
        "process_uuid": EXECUTION,
        "inputs": {"segments": ["s3://montage/one/output.mp4", "s3://montage/two/output.mp4"]},
        "input_videos": ["s3://montage/one/output.mp4", "s3://montage/two/output.mp4"],
        "output_bucket": "montage",
        "output_key": f"{KEY_PREFIX}output.mp4",
        "callback_url": CALLBACK_URL,
        "traceparent": "",
        "config": {"transition": "fade"},
    }


def test_event_says_where_to_tell_progress_when_somebody_asks(tmp_path: Path) -> None:
    task = a_task("mix-audio", provider="ffmpeg", inputs=PICTURE_AND_SOUND)
    context = replace(a_context(tmp_path), progress_url="https://gateway/spi/progress?cap=x")

    assert media_event(task, context, mix_slots(task), bucket="b")["progress_url"] == context.progress_url


def test_mix_event_names_both_slots_and_no_input_videos(tmp_path: Path) -> None:
    task = a_task("mix-audio", provider="ffmpeg", config={"mode": "duck", "audioVolume": 0.5}, inputs=PICTURE_AND_SOUND)

    event = media_event(task, a_context(tmp_path), mix_slots(task), bucket="b")

    assert event["inputs"] == {"video": ["s3://b/film.mp4"], "audio": ["s3://b/voice.m4a"]}
    assert event["config"] == {"mode": "duck", "audioVolume": 0.5}
    assert "input_videos" not in event


def test_compose_event_keeps_config_keys_in_camel_case(tmp_path: Path) -> None:
    config: Config = {"provider": "ffmpeg", "rounded": True, "cropTop": 10, "position": "top-left", "scale": 0.25}
    task = a_task("compose-video", provider="ffmpeg", config=config, inputs=TWO_FILMS)

    event = media_event(task, a_context(tmp_path), compose_slots(task), bucket="b")

    assert event["config"] == {"rounded": True, "cropTop": 10, "position": "top-left", "scale": 0.25}
    assert event["inputs"] == {"background": ["s3://b/big.mp4"], "overlay": ["s3://b/small.mp4"]}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "config.rounded"),
        ({"rounded": "yes"}, "config.rounded"),
        ({"rounded": True, "position": "middle"}, "config.position: expected top-left"),
        ({"rounded": True, "scale": 3}, "config.scale"),
        ({"rounded": True, "cropWidth": 0}, "config.cropWidth"),
        ({"rounded": True, "cropTop": 1.5}, "config.cropTop: expected a whole number"),
    ],
)
def test_compose_with_a_wrong_config_gives_up_naming_the_key(config: Config, words: str) -> None:
    with pytest.raises(GiveUp, match=words) as caught:
        compose_slots(a_task("compose-video", provider="ffmpeg", config=config, inputs=TWO_FILMS))
    assert caught.value.failure.error_type is ErrorType.INVALID_INPUT


@pytest.mark.parametrize(
    ("config", "words"),
    [({"mode": "loud"}, "replace, mix, duck"), ({"audioVolume": 2.5}, "0 to 2"), ({"mode": 1}, "text")],
)
def test_mix_with_a_wrong_config_gives_up_naming_what_is_allowed(config: Config, words: str) -> None:
    with pytest.raises(GiveUp, match=words):
        mix_slots(a_task("mix-audio", provider="ffmpeg", config=config, inputs=PICTURE_AND_SOUND))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ((), "inputs.segments: expected at least 2 nodes, found 0"),
        (TWO_SEGMENTS[:1], "found 1"),
        ((TWO_SEGMENTS[0], an_input("segments", an_artifact(type=MediaType.IMAGE), position=1)), "expected video"),
    ],
)
def test_merge_of_wrong_inputs_gives_up(inputs: tuple[TaskInput, ...], words: str) -> None:
    with pytest.raises(GiveUp, match=words):
        merge_slots(a_task("merge-videos", provider="ffmpeg", inputs=inputs))


def test_unknown_provider_gives_up_naming_the_allowed_one() -> None:
    with pytest.raises(GiveUp, match="expected provider ffmpeg, found 'adobe'") as caught:
        merge_slots(a_task("merge-videos", provider="adobe", inputs=TWO_SEGMENTS))
    assert caught.value.failure.error_type is ErrorType.INVALID_INPUT

"""What the local vendors refuse before anything is started."""

from pathlib import Path

import pytest

from executor_service.integrations.local.animation import animate
from executor_service.integrations.local.avatar import talk
from executor_service.integrations.local.code_screen import Snippet, snippet_from_text, type_code
from executor_service.integrations.local.errors import ErrorType, LocalVendorError
from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.voice import voice_job, voices

NOWHERE = Path("/nonexistent/out.mp4")


def test_voice_job_of_unknown_voice_names_the_known_ones():
    with pytest.raises(LocalVendorError, match=r"no voice 'nobody'; it has .*narrator") as caught:
        voice_job("Hello.", NOWHERE, voice="nobody")

    assert caught.value.error_type is ErrorType.INVALID_INPUT


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (" \n…", {}, "no word"),
        ("x" * 20_001, {}, "at most 20000"),
        ("Hello.", {"stability": 1.5}, "stability must be from 0 to 1"),
        ("Hello.", {"rate_wpm": 10}, "rate must be from"),
    ],
)
def test_voice_job_of_bad_input_is_refused(text, options, message):
    with pytest.raises(LocalVendorError, match=message):
        voice_job(text, NOWHERE, **options)


def test_voice_job_of_low_stability_has_a_livelier_melody():
    lively = voice_job("Hello.", NOWHERE, stability=0.0)
    calm = voice_job("Hello.", NOWHERE, stability=1.0)

    assert lively.pitch_range > calm.pitch_range


def test_voices_without_a_choice_use_one_that_exists():
    job = voice_job("Hello.", NOWHERE)

    assert job.espeak_voice == voices()["narrator"].espeak_voice


@pytest.mark.parametrize(
    ("width", "height", "fps"), [(641, 480, 25), (640, 0, 25), (640, 5000, 25), (640, 480, 5), (640, 480, 240)]
)
def test_picture_that_h264_or_time_forbids_is_refused(width, height, fps):
    with pytest.raises(LocalVendorError, match=r"width|height|fps"):
        Picture(width=width, height=height, fps=fps)


async def test_talk_with_unknown_avatar_names_the_known_ones():
    with pytest.raises(LocalVendorError, match=r"no avatar 'ghost'; it has .*rowan"):
        await talk(Path("/nonexistent/voice.m4a"), NOWHERE, avatar="ghost")


@pytest.mark.parametrize(
    ("snippet", "options", "message"),
    [
        (Snippet(code="  \n"), {}, "no code"),
        (Snippet(code="x" * 20_001), {}, "at most 20000"),
        (Snippet(code="x"), {"theme": "neon"}, "no theme 'neon'"),
        (Snippet(code="x", duration_s=1000), {}, "duration must be"),
    ],
)
async def test_type_code_of_bad_input_is_refused(snippet, options, message):
    with pytest.raises(LocalVendorError, match=message):
        await type_code(snippet, NOWHERE, **options)


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ("", {}, "needs a prompt"),
        ("x" * 2_001, {}, "at most 2000"),
        ("Hi", {"aspect_ratio": "4:3"}, "aspectRatio must be one of 16:9, 9:16, 1:1"),
        ("Hi", {"duration_s": 0.1}, "duration must be"),
    ],
)
async def test_animate_of_bad_input_is_refused(prompt, options, message):
    with pytest.raises(LocalVendorError, match=message):
        await animate(prompt, NOWHERE, **options)


def test_snippet_from_json_object_takes_its_fields():
    snippet = snippet_from_text('{"title": "a.py", "language": "python", "code": "x = 1", "duration": 5}')

    assert snippet == Snippet(code="x = 1", title="a.py", language="python", duration_s=5)


def test_snippet_from_plain_text_is_the_code():
    assert snippet_from_text("x = 1", title="a.py") == Snippet(code="x = 1", title="a.py")


def test_snippet_from_json_without_code_is_shown_as_json():
    assert snippet_from_text('{"a": 1}') == Snippet(code='{"a": 1}', language="json")


@pytest.mark.parametrize("text", ['{"code": 7}', '{"code": "x", "title": []}', '{"code": "x", "duration": "5"}'])
def test_snippet_from_json_of_wrong_types_is_refused(text):
    with pytest.raises(LocalVendorError, match="code snippet must be"):
        snippet_from_text(text)

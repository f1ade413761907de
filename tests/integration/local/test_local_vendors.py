"""The local vendors make real files: probed, measured, and equal when made again."""

import asyncio
import hashlib
import time
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from executor_service.integrations.local.animation import animate
from executor_service.integrations.local.avatar import talk
from executor_service.integrations.local.code_screen import Snippet, type_code
from executor_service.integrations.local.errors import ErrorType, LocalVendorError
from executor_service.integrations.local.mouth import loudness, mouth_area
from executor_service.integrations.local.sound import SAMPLE_RATE, decode, speech_level
from executor_service.integrations.local.voice import speak, voices
from tests.patience import PATIENCE_S

SMALL = {"width": 640, "height": 360}


@pytest.fixture(name="voice")
async def _voice(tmp_path: Path) -> Path:
    facts = await speak("Hello. This is a short recording, with a pause in it.", tmp_path / "voice.m4a")
    return facts.path


async def test_speak_makes_levelled_aac_without_clipping(voice):
    samples = decode(voice)

    with av.open(str(voice)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("aac", 48_000, 1)
    assert 3.0 < len(samples) / SAMPLE_RATE < 6.0
    assert -20 < 20 * np.log10(speech_level(samples)) < -14
    assert np.abs(samples).max() < 0.9


async def test_speak_two_paragraphs_leaves_a_longer_pause_than_between_sentences(tmp_path):
    sentences = await speak("One word. Two words.", tmp_path / "a.m4a")
    paragraphs = await speak("One word.\n\nTwo words.", tmp_path / "b.m4a")

    assert paragraphs.duration_s - sentences.duration_s == pytest.approx(0.33, abs=0.05)


@pytest.mark.parametrize("voice", sorted(voices()))
async def test_speak_with_every_voice_is_heard(voice, tmp_path):
    facts = await speak("Montage.", tmp_path / "voice.m4a", voice=voice)

    assert facts.content_type == "audio/mp4"
    assert facts.duration_s > 1.5
    assert speech_level(decode(facts.path)) > 0.05


async def test_talk_makes_a_film_whose_mouth_follows_the_voice(voice, tmp_path):
    facts = await talk(voice, tmp_path / "head.mp4", **SMALL)

    frames = frames_of(facts.path)
    areas = np.array([mouth_area(frame) for frame in frames])
    levels = loudness(decode(voice), sample_rate=SAMPLE_RATE, fps=25, frame_count=len(frames))
    assert (facts.video_codec, facts.audio_codec, facts.fps) == ("h264", "aac", 25.0)
    assert facts.duration_s == pytest.approx(len(decode(voice)) / SAMPLE_RATE, abs=0.06)
    assert np.corrcoef(areas, levels)[0, 1] > 0.8
    assert least_movement(frames) >= 0.8


async def test_talk_in_front_of_an_image_shows_it(voice, tmp_path):
    Image.new("RGB", (300, 300), (20, 120, 40)).save(tmp_path / "green.png")

    facts = await talk(voice, tmp_path / "head.mp4", background=tmp_path / "green.png", **SMALL)

    red, green, blue = (float(part) for part in frames_of(facts.path)[0][5:60, 5:60].reshape(-1, 3).mean(axis=0))
    assert green > red + 20
    assert green > blue + 20


async def test_talk_over_something_without_sound_says_so(tmp_path):
    (tmp_path / "notes.m4a").write_text("not a recording")

    with pytest.raises(LocalVendorError, match=r"no readable audio in notes\.m4a") as caught:
        await talk(tmp_path / "notes.m4a", tmp_path / "head.mp4")

    assert caught.value.error_type is ErrorType.INVALID_INPUT
    assert [path.name for path in tmp_path.iterdir()] == ["notes.m4a"]


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_type_code_makes_a_film_that_always_moves(theme, tmp_path):
    snippet = Snippet(code="nodes:\n  - id: voice\n    type: asset\n", title="a.yaml", duration_s=3)

    facts = await type_code(snippet, tmp_path / "code.mp4", theme=theme, **SMALL)

    assert (facts.video_codec, facts.audio_codec, facts.width, facts.height) == ("h264", None, 640, 360)
    assert facts.duration_s == pytest.approx(3.0, abs=0.01)
    assert least_movement(frames_of(facts.path)) >= 0.8


@pytest.mark.parametrize(("aspect_ratio", "size"), [("16:9", (1280, 720)), ("9:16", (720, 1280)), ("1:1", (720, 720))])
async def test_animate_in_each_shape_always_moves(aspect_ratio, size, tmp_path):
    facts = await animate("Hello\nworld", tmp_path / "title.mp4", aspect_ratio=aspect_ratio, duration_s=1.2)

    assert (facts.width, facts.height) == size
    assert facts.duration_s == pytest.approx(1.2, abs=0.01)
    assert least_movement(frames_of(facts.path)) >= 0.8


async def test_animate_of_a_broken_image_says_so(tmp_path):
    (tmp_path / "image.png").write_bytes(b"\x89PNG broken")

    with pytest.raises(LocalVendorError, match=r"image\.png is not an image") as caught:
        await animate("", tmp_path / "film.mp4", reference_image=tmp_path / "image.png")

    assert caught.value.error_type is ErrorType.INVALID_INPUT


async def test_every_vendor_asked_again_gives_the_same_bytes(tmp_path):
    digests = []
    for turn in ("first", "second"):
        folder = tmp_path / turn
        folder.mkdir()
        voice = await speak("Same again.", folder / "voice.m4a")
        files = [
            voice,
            await talk(voice.path, folder / "head.mp4", **SMALL),
            await type_code(Snippet(code="x = 1", duration_s=1), folder / "code.mp4", **SMALL),
            await animate("Same", folder / "title.mp4", duration_s=1),
        ]
        digests.append([hashlib.sha256(file.path.read_bytes()).hexdigest() for file in files])

    assert digests[0] == digests[1]


async def test_progress_rises_to_the_end(tmp_path):
    seen: list[float] = []

    await animate("Hello", tmp_path / "title.mp4", duration_s=3, on_progress=seen.append)

    assert seen == sorted(seen)
    assert len(seen) >= 4
    assert 0 < seen[0] < 0.5 < seen[-1] <= 1


async def test_cancelled_job_ends_its_processes_and_leaves_no_file(tmp_path):
    started = asyncio.Event()
    job = asyncio.create_task(
        animate("Hello", tmp_path / "title.mp4", duration_s=100, on_progress=lambda _: started.set())
    )
    await started.wait()
    assert processes_that_name(tmp_path)

    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert list(tmp_path.iterdir()) == []
    # The cancel waits for the renderer; FFmpeg got the same signal and ends on its own.
    deadline = time.monotonic() + PATIENCE_S
    while processes_that_name(tmp_path):
        assert time.monotonic() < deadline


async def test_job_past_its_time_limit_is_a_timeout(tmp_path):
    with pytest.raises(LocalVendorError, match=r"animation took longer than its limit of 0\.5 s") as caught:
        await animate("Hello", tmp_path / "title.mp4", duration_s=100, time_limit=timedelta(seconds=0.5))

    assert caught.value.error_type is ErrorType.TIMEOUT
    assert list(tmp_path.iterdir()) == []


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def least_movement(frames: list[np.ndarray]) -> float:
    """Mean change of luma, of 255, between frames five apart, where it is smallest."""
    lumas = [frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32) for frame in frames]
    return min(float(np.abs(after - before).mean()) for before, after in zip(lumas, lumas[5:], strict=False))


def processes_that_name(folder: Path) -> list[str]:
    """Command lines of living processes in which a folder appears: FFmpeg's names its output."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found

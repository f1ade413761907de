"""Executors with real vendors and a real store: what they make, and what they refuse."""

import asyncio
import hashlib
import ssl
from datetime import timedelta
from pathlib import Path

import av
import pytest

from executor_service.executors.fetch_asset import FetchAsset
from executor_service.executors.generate_animation import GenerateAnimation
from executor_service.executors.generate_talking_head import GenerateTalkingHead
from executor_service.executors.generate_voiceover import GenerateVoiceover
from executor_service.executors.noop import Noop
from executor_service.executors.render_code import RenderCode
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.local.looks import DEFAULT_LOOK
from executor_service.integrations.media_probe import probe
from executor_service.task import Asset, ErrorType, GiveUp, MediaType, Output, Progress, RetryLater
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from tests.contract.s3.servers import REGION
from tests.unit.executor.builders import a_context, a_task, an_artifact, an_input


async def given_text(store: ObjectStore, prefix: str, text: str, *, type: MediaType = MediaType.TEXT) -> Output:  # noqa: A002
    key = f"{prefix}input.txt"
    await store.put_bytes(key, text.encode(), content_type="text/plain")
    return an_artifact(key, type=type)


async def assert_is_stored(store: ObjectStore, output: Output, *, under: str) -> bytes:
    content = await store.get_bytes(output.s3_key, limit=50_000_000)
    assert output.s3_key.startswith(under)
    assert output.sha256 == hashlib.sha256(content).hexdigest()
    assert output.size_bytes == len(content)
    stored = await store.head(output.s3_key)
    assert stored is not None
    assert stored.content_type == output.content_type
    return content


async def test_voiceover_speaks_the_script_of_its_input(store: ObjectStore, folder: Path, prefix: str) -> None:
    script = await given_text(store, prefix, "Good morning. This is a short script.")
    task = a_task("generate-voiceover", title="not this", inputs=(an_input("script", script),))
    seen: list[Progress] = []

    output = await GenerateVoiceover(store).execute(
        task, a_context(folder, key_prefix=prefix, report_progress=seen.append)
    )

    await assert_is_stored(store, output, under=prefix)
    assert output.type is MediaType.AUDIO
    assert output.s3_key == f"{prefix}output.m4a"
    assert output.duration is not None
    assert timedelta(seconds=1.5) < output.duration < timedelta(seconds=8)
    assert output.media is not None
    assert output.media.audio_codec == "aac"
    assert seen[0].stage == "speaking"
    assert seen[-1].stage == "uploading"


async def test_voiceover_of_an_unknown_voice_gives_up_naming_the_known_ones(
    store: ObjectStore, folder: Path, prefix: str
) -> None:
    task = a_task("generate-voiceover", title="Hello", config={"voiceId": "Rachel"})

    with pytest.raises(GiveUp, match="narrator") as caught:
        await GenerateVoiceover(store).execute(task, a_context(folder, key_prefix=prefix))

    assert caught.value.failure.error_type is ErrorType.INVALID_INPUT


async def test_talking_head_is_as_long_as_its_voice(store: ObjectStore, folder: Path, prefix: str) -> None:
    (folder / "voice").mkdir()
    voice = await GenerateVoiceover(store).execute(
        a_task("generate-voiceover", title="Hello there."), a_context(folder / "voice", key_prefix=f"{prefix}voice/")
    )
    task = a_task(
        "generate-talking-head",
        config={"avatarId": DEFAULT_LOOK, "width": 320, "height": 180},
        inputs=(an_input("audio", voice),),
    )

    output = await GenerateTalkingHead(store).execute(task, a_context(folder, key_prefix=prefix))

    await assert_is_stored(store, output, under=prefix)
    assert output.media is not None
    assert (output.media.width, output.media.height) == (320, 180)
    assert (output.media.video_codec, output.media.audio_codec) == ("h264", "aac")
    assert output.contact_sheet == "contact_sheet.jpg"
    sheet = await store.head(f"{prefix}contact_sheet.jpg")
    assert sheet is not None
    assert sheet.content_type == "image/jpeg"
    assert voice.contact_sheet == ""
    assert output.duration is not None
    assert voice.duration is not None
    assert abs(output.duration - voice.duration) < timedelta(seconds=0.2)


async def test_talking_head_without_avatar_or_audio_gives_up(store: ObjectStore, folder: Path, prefix: str) -> None:
    executor = GenerateTalkingHead(store)
    context = a_context(folder, key_prefix=prefix)

    with pytest.raises(GiveUp, match=r"config\.avatarId"):
        await executor.execute(a_task("generate-talking-head"), context)
    with pytest.raises(GiveUp, match=r"inputs\.audio"):
        await executor.execute(a_task("generate-talking-head", config={"avatarId": "x"}), context)


async def test_code_screen_types_json_and_plain_text(store: ObjectStore, folder: Path, prefix: str) -> None:
    snippet = await given_text(
        store, prefix, '{"title": "a.py", "language": "python", "code": "x = 1"}', type=MediaType.JSON
    )
    task = a_task("render-code", config={"width": 320, "height": 180, "fps": 10}, inputs=(an_input("config", snippet),))

    output = await RenderCode(store).execute(task, a_context(folder, key_prefix=prefix))

    await assert_is_stored(store, output, under=prefix)
    assert output.media is not None
    assert (output.media.width, output.media.fps, output.media.audio_codec) == (320, 10.0, "")


async def test_code_screen_with_a_wrong_theme_gives_up_naming_the_themes(
    store: ObjectStore, folder: Path, prefix: str
) -> None:
    with pytest.raises(GiveUp, match="dark, light") as caught:
        await RenderCode(store).execute(
            a_task("render-code", title="x = 1", config={"theme": "neon"}), a_context(folder, key_prefix=prefix)
        )
    assert caught.value.failure.error_type is ErrorType.INVALID_INPUT


async def test_animation_shows_its_title_for_the_asked_time(store: ObjectStore, folder: Path, prefix: str) -> None:
    task = a_task("generate-animation", title="Montage", config={"duration": 1, "aspectRatio": "1:1"})

    output = await GenerateAnimation(store).execute(task, a_context(folder, key_prefix=prefix))

    await assert_is_stored(store, output, under=prefix)
    assert output.duration == timedelta(seconds=1)
    assert output.media is not None
    assert output.media.width == output.media.height


async def test_unknown_provider_gives_up_naming_the_allowed_one(store: ObjectStore, folder: Path, prefix: str) -> None:
    with pytest.raises(GiveUp, match="expected provider local, found 'elevenlabs'"):
        await GenerateVoiceover(store).execute(
            a_task("generate-voiceover", provider="elevenlabs", title="x"), a_context(folder, key_prefix=prefix)
        )


async def test_input_that_is_gone_or_of_the_wrong_kind_gives_up(store: ObjectStore, folder: Path, prefix: str) -> None:
    executor, context = GenerateVoiceover(store), a_context(folder, key_prefix=prefix)
    gone = an_input("script", an_artifact(f"{prefix}gone.txt", type=MediaType.TEXT))
    film = an_input("script", an_artifact(f"{prefix}film.mp4"))

    for given, words in ((gone, "is not in the store"), (film, "expected text, found video")):
        with pytest.raises(GiveUp, match=words) as caught:
            await executor.execute(a_task("generate-voiceover", inputs=(given,)), context)
        assert caught.value.failure.error_type is ErrorType.MEDIA_MISMATCH


async def test_store_that_is_away_is_asked_again_later(folder: Path, prefix: str, tmp_path: Path) -> None:
    for name in ("access", "secret"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("x")
    away = ObjectStore(
        StoreAddress(
            bucket="executors",
            region=REGION,
            endpoint="http://127.0.0.1:1",
            access_key_file=tmp_path / "access",
            secret_key_file=tmp_path / "secret",
        )
    )

    with pytest.raises(RetryLater):
        await Noop(away, bought={}).execute(a_task("noop"), a_context(folder, key_prefix=prefix))

    await away.close()


async def test_noop_twice_under_one_claim_is_the_same_result(store: ObjectStore, folder: Path, prefix: str) -> None:
    task = a_task("noop", config={"nonce": "n", "output": [1, 2]})
    context = a_context(folder, key_prefix=prefix)

    first = await Noop(store, bought={}).execute(task, context)
    again = await Noop(store, bought={}).execute(task, context)

    content = await assert_is_stored(store, first, under=prefix)
    assert first == again
    assert len(content) == 200


@pytest.mark.parametrize("fail", ["ffmpeg_error", "quota_exhausted"])
async def test_noop_fails_as_it_is_asked(store: ObjectStore, folder: Path, prefix: str, fail: str) -> None:
    with pytest.raises(GiveUp) as caught:
        await Noop(store, bought={}).execute(
            a_task("noop", config={"fail": fail}), a_context(folder, key_prefix=prefix)
        )
    assert caught.value.failure.error_type == fail


class FromFile(Fetcher):
    """Answers every fetch with one file."""

    def __init__(self, content: bytes) -> None:
        super().__init__(is_allowed=lambda _: False, trust=ssl.create_default_context())
        self._content = content

    async def fetch(self, url: str, path: Path, **_: object) -> object:  # type: ignore[override]
        await asyncio.to_thread(path.write_bytes, self._content)
        return None


async def test_fetched_film_is_probed_and_stored_under_the_claim(
    store: ObjectStore, folder: Path, prefix: str, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("h264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
    asset = Asset(type=MediaType.VIDEO, source="https://media.test/film?sig=secret")

    output = await FetchAsset(store=store, fetcher=FromFile(film.read_bytes())).execute(
        a_task("asset", asset=asset), a_context(folder, key_prefix=prefix)
    )

    await assert_is_stored(store, output, under=prefix)
    assert output.content_type == "video/mp4"
    assert output.media is not None
    assert (output.media.video_codec, output.media.width, output.media.height) == ("h264", 64, 48)
    assert output.duration == timedelta(seconds=1)
    assert "secret" not in repr(asset)


async def test_file_that_only_begins_like_a_film_gives_up(store: ObjectStore, folder: Path, prefix: str) -> None:
    asset = Asset(type=MediaType.VIDEO, source="https://media.test/film")

    with pytest.raises(GiveUp) as caught:
        await FetchAsset(store=store, fetcher=FromFile(b"\0\0\0\x20ftypisom" + b"\0" * 500)).execute(
            a_task("asset", asset=asset), a_context(folder, key_prefix=prefix)
        )

    assert caught.value.failure.error_type is ErrorType.MEDIA_MISMATCH


async def test_playlist_is_not_read_as_a_film(tmp_path: Path) -> None:
    playlist = tmp_path / "film.mp4"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")

    with pytest.raises(GiveUp):
        await probe(playlist, container_format="mov")

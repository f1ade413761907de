"""The life of one event: report, manifest, repeats, failures, hostile files."""

import fcntl
import hashlib
import json
import os
import re
import ssl
from pathlib import Path

import pytest

from media_lambda.errors import CallbackFailed, InvalidInput
from media_lambda.handler import handler
from tests.fakes.certificates import CertificateAuthority
from tests.integration.media.clips import make_clip
from tests.integration.media.conftest import BUCKET, Bench, Context
from tests.integration.media.receiver import Reply, receiver


def merge_event(bench: Bench) -> dict[str, object]:
    segment = bench.clip("segment.mp4", seconds=0.4)
    return bench.event("merge-videos", {"segments": [segment, segment]})


def test_handler_after_success_reports_what_the_store_holds(bench: Bench) -> None:
    event = merge_event(bench)

    body = bench.run(event)

    stored = bench.s3.get_object(Bucket=BUCKET, Key=str(event["output_key"]))
    content = stored["Body"].read()
    assert body == {
        "node_uuid": event["node_uuid"],
        "executor_type": "merge-videos",
        "process_uuid": event["process_uuid"],
        "result": {
            "s3_key": event["output_key"],
            "duration": pytest.approx(0.8, abs=0.05),
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content_type": "video/mp4",
            "width": 320,
            "height": 180,
            "fps": 25.0,
            "video_codec": "h264",
            "audio_codec": "aac",
            "contact_sheet": "contact_sheet.jpg",
        },
    }
    sheet = bench.s3.get_object(Bucket=BUCKET, Key=str(event["output_key"]).replace("output.mp4", "contact_sheet.jpg"))
    assert sheet["ContentType"] == "image/jpeg"
    assert sheet["Body"].read(3) == b"\xff\xd8\xff"
    assert stored["ContentType"] == "video/mp4"
    assert stored["Metadata"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert bench.manifest(event) == body
    assert list(bench.work_dir.iterdir()) == []


def test_handler_with_the_same_event_again_sends_the_manifest_and_encodes_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    event = merge_event(bench)
    first = bench.run(event)
    written = bench.s3.head_object(Bucket=BUCKET, Key=str(event["output_key"]))["LastModified"]
    # Without its input another encoding would fail.
    bench.s3.delete_object(Bucket=BUCKET, Key=str(event["input_videos"][0]).removeprefix(f"s3://{BUCKET}/"))  # type: ignore[index]

    capsys.readouterr()
    second = bench.run(event)

    assert second == first
    # A failed second encoding would also be answered by the first manifest: that it was found says that none was tried.
    assert "manifest_found" in capsys.readouterr().err
    assert len(bench.callbacks.bodies) == 2
    assert bench.s3.head_object(Bucket=BUCKET, Key=str(event["output_key"]))["LastModified"] == written


def test_handler_killed_between_output_and_manifest_finishes_with_the_same_output(bench: Bench) -> None:
    event = merge_event(bench)
    first = bench.run(event)
    bench.s3.delete_object(Bucket=BUCKET, Key=str(event["output_key"]).replace("output.mp4", "result.json"))

    assert bench.run(event) == first


def test_handler_with_other_bytes_at_the_output_key_leaves_them_and_fails(bench: Bench) -> None:
    event = merge_event(bench)
    bench.s3.put_object(Bucket=BUCKET, Key=str(event["output_key"]), Body=b"someone else's")

    body = bench.run(event)

    assert body["error_type"] == "lambda_error"
    assert "holds other bytes already" in body["error"]
    assert bench.s3.get_object(Bucket=BUCKET, Key=str(event["output_key"]))["Body"].read() == b"someone else's"


def test_handler_with_garbage_as_segment_reports_the_last_lines_of_ffmpeg(bench: Bench) -> None:
    garbage = bench.folder / "garbage.mp4"
    garbage.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 40)
    good = bench.clip("good.mp4", seconds=0.4)
    event = bench.event("merge-videos", {"segments": [good, bench.put(garbage)]})

    body = bench.run(event)

    assert body["error_type"] == "ffmpeg_error"
    assert body["error"].startswith("segments[1] (s3://montage/inputs/")
    assert "cannot be read" in body["error"]
    assert "moov atom not found" in body["details"]
    assert bench.manifest(event) == body
    assert list(bench.work_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "described"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "is a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is a playlist"),
        (b"not a film at all", "begins with 6e 6f 74 20 61 20 66 69"),
        (b"", "is empty"),
    ],
    ids=["hls", "concat", "text", "empty"],
)
def test_handler_with_a_file_that_is_no_media_says_what_it_is(bench: Bench, content: bytes, described: str) -> None:
    playlist = bench.folder / "playlist.mp4"
    playlist.write_bytes(content)
    good = bench.clip("good.mp4", seconds=0.4)
    event = bench.event("merge-videos", {"segments": [good, bench.put(playlist)]})

    body = bench.run(event)

    assert body["error_type"] == "ffmpeg_error"
    assert body["error"].endswith(f"is neither a video nor a sound we read: it {described}")
    assert body["details"]
    assert "root:" not in json.dumps(body)


def test_handler_with_missing_input_is_invalid_input(bench: Bench) -> None:
    good = bench.clip("good.mp4", seconds=0.4)
    event = bench.event("merge-videos", {"segments": [good, f"s3://{BUCKET}/inputs/none.mp4"]})

    body = bench.run(event)

    assert body["error_type"] == "invalid_input"
    assert body["error"] == f"segments[1] (s3://{BUCKET}/inputs/none.mp4) does not exist in the store"


def test_handler_with_changed_input_bytes_refuses_them(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4", seconds=0.4)
    bench.s3.put_object(Bucket=BUCKET, Key="changed.mp4", Body=clip.read_bytes(), Metadata={"sha256": "0" * 64})
    event = bench.event("merge-videos", {"segments": [f"s3://{BUCKET}/changed.mp4"] * 2})

    body = bench.run(event)

    assert body["error_type"] == "lambda_error"
    assert "arrived changed" in body["error"]


def test_handler_with_invalid_event_calls_back_with_every_fault(bench: Bench) -> None:
    event = bench.event("compose-video", {"background": ["http://example.org/x"]}, position="middle", scale=7)

    body = bench.run(event)

    assert body["node_uuid"] == event["node_uuid"]
    assert body["error_type"] == "invalid_input"
    for words in (
        "inputs.background: expected s3://bucket/key, found 'http://example.org/x'",
        "inputs.overlay: expected a list of s3://bucket/key, found nothing",
        "config.rounded: expected true or false, found nothing",
        "config.position: expected one of top-left, top-right, bottom-left, bottom-right, center, found 'middle'",
        "config.scale: expected a number from 0.05 to 1, found 7",
    ):
        assert words in body["error"]
    assert bench.manifest(event) == body


def test_handler_without_callback_url_raises_and_leaves_nothing(bench: Bench) -> None:
    event = merge_event(bench)
    del event["callback_url"]

    with pytest.raises(InvalidInput, match="callback_url: expected a text, found nothing"):
        handler(event, Context())

    assert bench.callbacks.bodies == []
    assert "Contents" not in bench.s3.list_objects_v2(Bucket=BUCKET, Prefix="pipelines/")


def test_handler_while_gateway_is_away_repeats_the_report(bench: Bench) -> None:
    bench.callbacks.will_answer([Reply(status=503, headers=(("Retry-After", "0"),)), Reply(status=429)])

    body = bench.run(merge_event(bench))

    assert bench.callbacks.bodies == [body] * 3


def test_handler_with_refused_report_raises_at_once(bench: Bench) -> None:
    bench.callbacks.will_answer([Reply(status=401)])

    with pytest.raises(CallbackFailed, match="not accepted in 1 tries: status 401"):
        bench.run(merge_event(bench))

    assert len(bench.callbacks.bodies) == 1


def test_handler_answered_with_redirect_does_not_take_the_capability_elsewhere(bench: Bench) -> None:
    with receiver() as elsewhere:
        bench.callbacks.will_answer([Reply(status=307, headers=(("Location", elsewhere.url),))])

        with pytest.raises(CallbackFailed, match="status 307"):
            bench.run(merge_event(bench))

        assert elsewhere.bodies == []


def test_handler_never_logs_the_capability_or_a_key(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.run(merge_event(bench))

    printed = "".join(capfd.readouterr())
    assert "job_settled" in printed
    assert "c4pability" not in printed
    assert "media-secret" not in printed


def test_handler_over_https_trusts_only_the_given_authority(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, stranger = CertificateAuthority(), CertificateAuthority("Stranger")
    files = authority.issue_files(tmp_path / "tls", "gateway", "spiffe://montage/callback-gateway")
    others = stranger.issue_files(tmp_path / "other", "gateway", "spiffe://montage/callback-gateway")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    event = merge_event(bench)
    with receiver(context) as gateway:
        event["callback_url"] = gateway.url
        monkeypatch.setenv("MEDIA_CA_FILE", str(files.ca))
        handler(event, Context())

        assert len(gateway.bodies) == 1
        monkeypatch.setenv("MEDIA_CA_FILE", str(others.ca))
        monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 100)
        with pytest.raises(CallbackFailed, match="status 0"):
            handler(event, Context())
        assert len(gateway.bodies) == 1


def test_handler_at_start_removes_leftovers_but_no_folder_in_use(bench: Bench) -> None:
    crashed, busy = bench.work_dir / "job-crashed", bench.work_dir / "job-busy"
    for folder in (crashed, busy):
        folder.mkdir(parents=True)
        (folder / "input-000").write_bytes(b"x")
    descriptor = os.open(busy, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    bench.run(merge_event(bench))

    assert list(bench.work_dir.iterdir()) == [busy]
    os.close(descriptor)


def test_handler_without_time_left_reports_that(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 20_000)
    segment = bench.clip("segment.mp4", seconds=4)
    event = bench.event("merge-videos", {"segments": [segment, segment]}, transition="fade")

    body = bench.run(event)

    assert body["error_type"] == "ffmpeg_error"
    assert "was stopped after the 0 s it had left" in body["error"]


def test_handler_with_unreachable_store_still_reports(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    event = merge_event(bench)
    monkeypatch.setenv("MEDIA_S3_ENDPOINT", "http://127.0.0.1:9")

    body = bench.run(event)

    assert body["error_type"] == "lambda_error"
    assert body["error"].startswith("could not read s3://montage/pipelines/")


def test_handler_with_inputs_beyond_the_room_of_a_job_refuses_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = [bench.clip(name, seconds=0.4) for name in ("one.mp4", "two.mp4")]
    size = (bench.folder / "one.mp4").stat().st_size
    monkeypatch.setenv("MEDIA_MAX_WORK_BYTES", str(size + 100))

    body = bench.run(bench.event("merge-videos", {"segments": segments}))

    assert body["error_type"] == "invalid_input"
    assert body["error"].startswith("segments[1] (s3://")
    assert body["error"].endswith(f"a job has room for {size + 100}, of which 100 are left")


def test_handler_whose_film_outgrows_the_room_of_a_job_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = bench.clip("one.mp4", seconds=2)
    monkeypatch.setenv("MEDIA_MAX_WORK_BYTES", str((bench.folder / "one.mp4").stat().st_size + 100_000))

    body = bench.run(bench.event("merge-videos", {"segments": [clip, clip]}))

    assert body["error_type"] == "ffmpeg_error"
    assert re.fullmatch(r"FFmpeg could not prepare .*: it needed more disk than the \d+ bytes of a job", body["error"])
    assert list(bench.work_dir.iterdir()) == []

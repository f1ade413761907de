"""Sniffing, progress, loudness, waiting, deadlines, settings."""

import json
import math
from pathlib import Path

import pytest

from media_lambda.callback import Answer, retry_after_s, wait_before_next
from media_lambda.deadline import Deadline
from media_lambda.errors import SettingsError
from media_lambda.ffmpeg import parse_progress
from media_lambda.log import log
from media_lambda.loudness import Level, Loudness, corrected, is_levelled, level_for, parse_loudness
from media_lambda.settings import Settings
from media_lambda.sniff import demuxer_of


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\x00\x00\x00\x20ftypisom", "mov"),
        (b"\x1aE\xdf\xa3\x01\x00", "matroska"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", None),
        (b"ID3\x04\x00", "mp3"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"OggS\x00\x02", "ogg"),
        (b"fLaC\x00\x00", "flac"),
        (b"#EXTM3U\n", None),
        (b"ffconcat version 1.0", None),
        (b"<svg xmlns=", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_demuxer_of_first_bytes_knows_media_and_no_playlist(head: bytes, demuxer: str | None) -> None:
    assert demuxer_of(head) == demuxer


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("out_time_us=1500000\n", 1.5),
        ("out_time_us=N/A\n", None),
        ("out_time_us=-20000", 0.0),
        ("frame=12", None),
        ("", None),
    ],
)
def test_parse_progress_reads_only_the_time(line: str, seconds: float | None) -> None:
    assert parse_progress(line) == seconds


def test_parse_loudness_reads_the_summary() -> None:
    lines = [
        "  Integrated loudness:",
        "    I:         -23.4 LUFS",
        "    Threshold: -33.5 LUFS",
        "  Sample peak:",
        "    Peak:       -4.0 dBFS",
        "  True peak:",
        "    Peak:       -3.2 dBFS",
    ]

    assert parse_loudness(lines[:5]) == Loudness(integrated_lufs=-23.4, peak_dbfs=-4.0)
    assert parse_loudness(lines) == Loudness(integrated_lufs=-23.4, peak_dbfs=-4.0, true_peak_dbfs=-3.2)


@pytest.mark.parametrize(
    ("integrated_lufs", "true_peak_dbfs", "may_stay"),
    [
        (-16.7, -1.0, True),
        (-15.3, -3.0, True),
        (-16.9, -3.0, False),
        (-15.1, -3.0, False),
        (-16.0, -0.9, False),
        (-16.0, None, False),
        (-70.0, -math.inf, True),
    ],
    ids=["softer", "louder", "too soft", "too loud", "peaks", "peaks unknown", "silence"],
)
def test_sound_stays_as_it_is_only_when_it_is_as_loud_as_is_wanted(
    integrated_lufs: float, true_peak_dbfs: float | None, may_stay: bool
) -> None:
    found = Loudness(integrated_lufs=integrated_lufs, peak_dbfs=-6, true_peak_dbfs=true_peak_dbfs)

    assert is_levelled(found, target_lufs=-16) is may_stay


def test_parse_loudness_of_silence_is_minus_infinity() -> None:
    found = parse_loudness(["    I:         -70.0 LUFS", "  Sample peak:", "    Peak:       -inf dBFS"])

    assert found.peak_dbfs == -math.inf
    assert level_for(found, target_lufs=-16).filter == "volume=0.0dB"


@pytest.mark.parametrize(
    ("integrated_lufs", "peak_dbfs", "target_lufs", "gain", "is_limited"),
    [
        (-20.0, -10.0, -16.0, "4.0", False),
        (-20.0, -8.9, -16.0, "4.0", True),
        (-60.0, -40.0, -16.0, "24.0", False),
        (-5.0, 0.5, -16.0, "-11.0", False),
        (-20.0, -10.0, None, "0.0", False),
        (-10.0, 3.0, None, "0.0", True),
    ],
    ids=["to the target", "peaks too high", "noise stays quiet", "too loud", "as it is", "as it is but peaks"],
)
def test_level_brings_to_the_target_and_limits_what_peaks_too_high(
    integrated_lufs: float, peak_dbfs: float, target_lufs: float | None, gain: str, is_limited: bool
) -> None:
    measured = Loudness(integrated_lufs=integrated_lufs, peak_dbfs=peak_dbfs)

    level = level_for(measured, target_lufs=target_lufs).filter

    assert level.split(",")[0] == f"volume={gain}dB"
    assert ("alimiter=limit=0.7943:" in level) is is_limited


@pytest.mark.parametrize(("found_lufs", "gain_db"), [(-18.5, 12.5), (-30.0, 16.0), (-15.5, 10.0)])
def test_corrected_level_gives_back_what_the_limiter_took_within_bounds(found_lufs: float, gain_db: float) -> None:
    found = Loudness(integrated_lufs=found_lufs, peak_dbfs=-2)

    assert corrected(Level(gain_db=10, is_limited=True), found, target_lufs=-16).gain_db == gain_db


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        *((status, True) for status in (200, 302, 400, 401, 404, 410, 413)),
        *((status, False) for status in (0, 408, 425, 429, 500, 503)),
    ],
)
def test_answer_is_final_unless_another_try_may_help(status: int, is_final: bool) -> None:
    assert Answer(status=status, text="", retry_after_s=None).is_final is is_final


def test_wait_grows_with_full_jitter_and_honours_retry_after_up_to_a_minute() -> None:
    plain = Answer(status=503, text="", retry_after_s=None)

    assert [wait_before_next(attempt, plain, jitter=1.0) for attempt in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert wait_before_next(4, plain, jitter=0.0) == 0
    assert wait_before_next(1, Answer(status=503, text="", retry_after_s=7), jitter=0.5) == 7
    assert wait_before_next(1, Answer(status=503, text="", retry_after_s=9999), jitter=0.5) == 60


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("Thu, 01 Jan 1970 00:00:30 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_reads_seconds_and_dates(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, now_s=10.0) == seconds


def test_deadline_keeps_its_reserve_and_never_falls_below_zero() -> None:
    times = iter([100.0, 160.0, 160.0, 900.0])

    deadline = Deadline(300, clock=lambda: next(times))

    assert deadline.remaining_s() == 240
    assert deadline.remaining_s(reserve_s=20) == 220
    assert deadline.remaining_s() == 0


def test_settings_without_variables_are_those_of_aws() -> None:
    settings = Settings.from_environment({})

    assert (settings.s3_endpoint, settings.s3_access_key, settings.ca_file) == (None, None, None)


def test_settings_read_secrets_from_files_and_never_show_them(tmp_path: Path) -> None:
    for name in ("access", "secret"):
        (tmp_path / name).write_text(f"the-{name}\n")
    environment = {
        "MEDIA_S3_ACCESS_KEY_FILE": str(tmp_path / "access"),
        "MEDIA_S3_SECRET_KEY_FILE": str(tmp_path / "secret"),
    }

    settings = Settings.from_environment(environment)

    assert (settings.s3_access_key, settings.s3_secret_key) == ("the-access", "the-secret")
    assert "the-secret" not in repr(settings)


def test_settings_with_faults_name_all_of_them(tmp_path: Path) -> None:
    environment = {
        "MEDIA_S3_ACCESS_KEY_FILE": str(tmp_path / "none"),
        "MEDIA_CA_FILE": str(tmp_path / "ca.pem"),
        "MEDIA_MAX_INPUT_BYTES": "lots",
        "MEDIA_WORKDIR": "/work",
    }

    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment)

    for name in environment:
        assert name in str(caught.value)
    assert "MEDIA_WORKDIR: no such setting; did you mean MEDIA_WORK_DIR?" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no route /spi/x?cap=c4pability here", "no route /spi/x?[redacted] here"),
        (
            '{"url": "https://store.test/a.mp4?X-Amz-Signature=c4pability"}',
            '{"url": "https://store.test/a.mp4?[redacted]"}',
        ),
        ("why? because", "why? because"),
    ],
)
def test_log_leaves_out_what_signs_addresses(capsys: pytest.CaptureFixture[str], said: str, shown: str) -> None:
    log("callback_answered", status=404, answer=said)

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["status"], line["answer"]) == ("callback_answered", 404, shown)

"""Which packets of coded sound a film takes of its segments."""

import io
from array import array
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media_lambda.coded_sound import SILENT_PACKET, Packets, append_packets, is_silent_at, plan_packets
from media_lambda.errors import FfmpegFailed
from tests.unit.media.factories import a_sound, a_source, a_video


def packet(number: int) -> bytes:
    """An ADTS packet of nine bytes, of which the last two tell it from others."""
    length = 9
    header = bytes((0xFF, 0xF1, 0x4C, 0x80, length >> 3, (length & 7) << 5 | 0x1F, 0xFC))
    return header + number.to_bytes(2)


def test_packets_of_whole_lengths_are_taken_one_for_one_and_the_film_begins_with_the_run_in() -> None:
    whole = Fraction(1024 * 100, 48_000)
    segment = a_source(a_video(seconds=whole), a_sound(seconds=whole))

    first, second = plan_packets([segment, segment], [whole, whole])

    assert first == Packets(silent_before=0, first=0, count=101, silent_after=0)
    assert second == Packets(silent_before=0, first=1, count=100, silent_after=0)


def test_packets_of_many_odd_lengths_never_drift_by_more_than_half_a_packet() -> None:
    odd = Fraction(101, 100)
    segment = a_source(a_video(seconds=odd), a_sound(seconds=odd))

    shares = plan_packets([segment] * 100, [odd] * 100)

    place = -1
    for number, share in enumerate(shares):
        assert share.silent_before == 0
        heard_at = place * 1024 - (share.first - 1) * 1024
        assert abs(heard_at - number * odd * 48_000) <= 512
        place += share.count + share.silent_after
    assert abs(place * 1024 - 101 * 48_000) <= 512


def test_packets_that_a_segment_has_not_are_silence() -> None:
    second = Fraction(1024 * 50, 48_000)
    half = a_source(a_video(seconds=second), a_sound(seconds=second / 2))
    mute = a_source(a_video(seconds=second))

    shares = plan_packets([mute, half, mute], [second] * 3)

    assert shares == [
        Packets(silent_before=51, first=0, count=0, silent_after=0),
        Packets(silent_before=0, first=1, count=25, silent_after=25),
        Packets(silent_before=50, first=0, count=0, silent_after=0),
    ]


def test_append_packets_takes_those_of_the_share_with_silence_around(tmp_path: Path) -> None:
    adts = tmp_path / "sound.aac"
    adts.write_bytes(b"".join(packet(number) for number in range(9)))
    target = io.BytesIO()

    append_packets(adts, target, Packets(silent_before=1, first=2, count=3, silent_after=2))

    assert target.getvalue() == SILENT_PACKET + packet(2) + packet(3) + packet(4) + SILENT_PACKET * 2


@pytest.mark.parametrize("content", [packet(0) * 2, b"RIFF" * 40], ids=["too few", "no ADTS"])
def test_append_packets_that_are_not_there_fails(tmp_path: Path, content: bytes) -> None:
    adts = tmp_path / "sound.aac"
    adts.write_bytes(content)

    with pytest.raises(FfmpegFailed, match=r"ended after 2 packets|wrote no ADTS"):
        append_packets(adts, io.BytesIO(), Packets(silent_before=0, first=0, count=3, silent_after=0))


def test_silent_packet_is_decoded_to_1024_samples_of_silence() -> None:
    with av.open(io.BytesIO(SILENT_PACKET * 3), mode="r", format="aac") as container:
        frames = list(container.decode(audio=0))

    assert [(frame.samples, frame.sample_rate, frame.layout.name) for frame in frames] == [(1024, 48_000, "stereo")] * 3
    assert all(not frame.to_ndarray().any() for frame in frames)


@pytest.mark.parametrize(
    ("loud_at", "begin", "end", "silent"),
    [
        (0, True, False, False),
        (0, False, True, True),
        (4999, False, True, False),
        (4999, True, False, True),
        (2048, True, True, True),
        (2047, True, True, False),
    ],
)
def test_sound_is_looked_at_only_where_it_meets_others(
    tmp_path: Path, loud_at: int, begin: bool, end: bool, silent: bool
) -> None:
    samples = array("f", [0.003] * 10_000)
    samples[2 * loud_at] = -0.1
    raw = tmp_path / "sound.f32le"
    raw.write_bytes(samples.tobytes())

    assert is_silent_at(raw, samples=5000, begin=begin, end=end) is silent

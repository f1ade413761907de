"""What `bin/bench media` makes of what it measured."""

import json
from dataclasses import replace
from pathlib import Path

from benchmarks.media_ffmpeg import words_of
from benchmarks.media_report import Compared, MediaReport

MIB = 1024 * 1024
COPIED = Compared(
    name="merge_copied",
    function_s=2.0,
    fixed_s=0.5,
    floor_s=1.6,
    function_cpu_s=3.0,
    floor_cpu_s=2.4,
    function_bytes=190 * MIB,
    function_short_bytes=188 * MIB,
    floor_bytes=150 * MIB,
    encoded_s=44.0,
    encoded_cpu_s=72.0,
    function_length_s=60.0,
    floor_length_s=60.02,
    ssim=1.0,
    command="ffmpeg -i a.mp4 b.mp4",
)
CODE = replace(
    COPIED,
    name="code_screen",
    fixed_s=None,
    function_bytes=None,
    function_short_bytes=None,
    encoded_s=None,
    encoded_cpu_s=None,
)


def a_report() -> MediaReport:
    return MediaReport(seconds=60, compared=[COPIED, CODE], load_average=0.5, cores=2)


def test_object_has_the_keys_of_every_benchmark_and_those_of_each_film() -> None:
    found = json.loads(a_report().as_json())

    assert (found["workload"], found["load_average"], found["cores"], found["clip_s"]) == ("media", 0.5, 2, 60)
    assert found["floor"] == {"merge_copied": 1.6, "code_screen": 1.6}
    assert found["ratio"] == {"merge_copied": 1.25, "code_screen": 1.25}
    assert found["merge_copied"] == {
        "seconds": 2.0,
        "floor_s": 1.6,
        "ratio": 1.25,
        "cpu_s": 3.0,
        "floor_cpu_s": 2.4,
        "cpu_ratio": 1.25,
        "fixed_s": 0.5,
        "peak_mib": 190.0,
        "short_peak_mib": 188.0,
        "floor_peak_mib": 150.0,
        "encoded_s": 44.0,
        "copy_speed_up": 22.0,
        "copy_cpu_speed_up": 24.0,
        "length_difference_s": 0.02,
        "ssim": 1.0,
    }
    assert found["code_screen"]["peak_mib"] is found["code_screen"]["copy_speed_up"] is None


def test_lines_name_the_speed_of_copying_and_every_command() -> None:
    lines = list(a_report().lines())

    assert "  merge_copied: 22.0 times as fast as encoding (target 20), 24.0 times by processor seconds" in lines
    assert "  floor of code_screen: ffmpeg -i a.mp4 b.mp4" in lines


def test_command_is_shown_as_it_would_be_typed() -> None:
    words = words_of(["-i", "/tmp/x/a.mp4", "-filter_complex", "[0:v]null[v]"], folder=Path("/tmp/x"))

    assert words == "ffmpeg -i a.mp4 -filter_complex '[0:v]null[v]'"

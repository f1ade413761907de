"""`python -m benchmarks demo`: what `bin/bench` runs."""

from __future__ import annotations

import argparse
import sys

from benchmarks.demo import DemoOptions, measure_demo
from benchmarks.progress import MeasurementFailed, say

INTERRUPTED = 130
HOW_TO_READ = """\
Nothing here passes or fails by time: the exit code says only whether everything ran. Measure on a quiet machine; the
load average is the one of the minute before the first measurement.

  set-up        a fresh clone of the last commit, an empty HOME and no package cache: the seconds of its first
                `bin/montage --help`. The megabytes are what this machine's network interface received meanwhile, so
                other traffic counts, and packages that come from a disk or over loopback do not.
  stack start   from nothing to every process ready: ephemeral data, secrets, certificates, a new PostgreSQL cluster.
                Three rounds; only the first may find cold files. Target: a median of 5 s.
  demo          `bin/demo`, from its start to the finished film on disk; the stop comes after that.
                Target: 45 s on two cores. With --rounds the median.
  floor         one bare FFmpeg that decodes that film once and encodes it once, with the settings of media_lambda.
                The demo encodes segments and speaker as well, and draws, speaks, joins, mixes and composes.
  ratio         demo / floor. Compare this between machines, not the seconds.
  nodes         seconds of each node's execution by the API, which include waiting for a free processor.
  peak          per process with all its children (the executor with its tools, Lambda with its functions): the
                highest sum of resident memory that samples at 10 Hz have seen, or the highest mark that the kernel
                kept for a single one of them, if that is more. Memory shared between processes counts in each, which
                makes PostgreSQL look larger than it is. `all` is the highest sum at one moment. Linux only.

With --json the last line of standard output is one object: workload, floor (s), ratio, load_average, cores, set_up_mb,
set_up_s, stack_start_s {min, median, max}, demo_s, nodes {id: s}, peak_mib {process: MiB}; null for what was
not measured.
"""


def main() -> int:
    arguments = _parser().parse_args()
    try:
        report = measure_demo(DemoOptions(rounds=arguments.rounds, sets_up=arguments.set_up))
    except MeasurementFailed as err:
        say(str(err))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    print("\n".join(report.lines()))
    if arguments.json:
        print(report.as_json())
    return 0


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measures a workload on this machine.",
        epilog="How to read `bin/bench demo`\n\n" + HOW_TO_READ,
        formatter_class=layout,
    )
    workloads = parser.add_subparsers(dest="workload", required=True, metavar="WORKLOAD")
    demo = workloads.add_parser(
        "demo", help="set-up, start and film of bin/demo", epilog=HOW_TO_READ, formatter_class=layout
    )
    demo.add_argument("--rounds", type=_positive, default=1, metavar="N", help="films to make (default: 1)")
    demo.add_argument("--no-set-up", dest="set_up", action="store_false", help="leave the cold set-up out")
    demo.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.chaos`: what `bin/chaos` runs. Ends with 0 when nothing was lost, stuck or done twice, else 1."""

import argparse
import sys
from pathlib import Path

from devstack.interrupts import run_until_interrupted
from devstack.supervisor import StartFailed
from tests.chaos.run import FILMS_AT_ONCE, ChaosOptions, rage

INTERRUPTED = 130
SHORTEST_S = 10.0


def main() -> int:
    arguments = _parser().parse_args()
    options = ChaosOptions(
        seconds=arguments.seconds, seed=arguments.seed, films_at_once=arguments.films, keep=arguments.keep
    )

    async def play() -> int:
        print(f"chaos: {options.seconds:g} s with seed {options.seed}", file=sys.stderr, flush=True)
        report = await rage(options)
        print("\n".join(report.lines()))
        if arguments.json:
            print(report.as_json())
        return 0 if report.findings.are_none else 1

    try:
        return run_until_interrupted(play(), interrupted=INTERRUPTED)
    except StartFailed as err:
        print(f"chaos: {err}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    chaos = argparse.ArgumentParser(
        prog="bin/chaos",
        description="Kills, pauses and cuts off every part of a busy system, heals it, and looks for damage.",
    )
    chaos.add_argument("--seconds", type=_seconds, default=120.0, metavar="N", help="length of the load (default: 120)")
    chaos.add_argument("--seed", type=int, default=1, metavar="N", help="of faults and load (default: 1)")
    chaos.add_argument(
        "--films", type=int, default=FILMS_AT_ONCE, metavar="N", help=f"pipelines at a time (default: {FILMS_AT_ONCE})"
    )
    chaos.add_argument("--keep", type=Path, metavar="DIR", help="keep history, data and logs in an empty folder")
    chaos.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    return chaos


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds >= SHORTEST_S:
        raise argparse.ArgumentTypeError(f"expected {SHORTEST_S:g} or more, found {text}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())

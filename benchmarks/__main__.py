"""`python -m benchmarks WORKLOAD`: what `bin/bench` runs."""

from __future__ import annotations

import argparse
import sys

from benchmarks.api import ApiOptions, measure_api
from benchmarks.api_report import ApiReport
from benchmarks.crud import CLIENTS, CrudOptions, measure_crud
from benchmarks.crud_report import CrudReport
from benchmarks.demo import DemoOptions, measure_demo
from benchmarks.fairness import FairnessReport, measure_fairness
from benchmarks.gateway import GatewayOptions, measure_gateway
from benchmarks.gateway_report import GatewayReport
from benchmarks.how_to_read import API, DEMO, FAIR, GATEWAY, MEDIA, REPLICAS, TELEMETRY, THROUGHPUT
from benchmarks.media import MediaOptions, measure_media
from benchmarks.media_report import MediaReport
from benchmarks.progress import MeasurementFailed, say
from benchmarks.replicas import ReplicasOptions, ReplicasReport, measure_replicas
from benchmarks.report import DemoReport
from benchmarks.telemetry import TelemetryReport, measure_telemetry
from benchmarks.throughput import ThroughputOptions, measure_throughput
from benchmarks.throughput_checks import NotAsClaimed
from benchmarks.throughput_report import ThroughputReport
from devstack.interrupts import run_until_interrupted
from devstack.supervisor import StartFailed

Report = (
    ApiReport
    | CrudReport
    | DemoReport
    | FairnessReport
    | GatewayReport
    | MediaReport
    | ReplicasReport
    | TelemetryReport
    | ThroughputReport
)

INTERRUPTED = 130
NOT_AS_CLAIMED = 2
THROUGHPUT_WORKLOADS = {
    "w1": "nodes a second, nodes that do nothing",
    "w2": "the same, completed by callbacks through the gateway",
    "w3": "calls a second that make, show, change and delete pipelines",
    "w4": "the same, completed from artifacts of earlier runs",
}


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return _measure(arguments)
    except NotAsClaimed as err:
        say(str(err))
        return NOT_AS_CLAIMED
    except (MeasurementFailed, StartFailed) as err:
        say(str(err))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _measure(arguments: argparse.Namespace) -> int:
    if arguments.workload == "demo":
        _show(measure_demo(DemoOptions(rounds=arguments.rounds, sets_up=arguments.set_up)), as_json=arguments.json)
        return 0
    if arguments.workload == "media":
        _show(measure_media(MediaOptions(rounds=arguments.rounds, seconds=arguments.seconds)), as_json=arguments.json)
        return 0

    async def measure() -> int:
        if arguments.workload == "api":
            report: Report = await measure_api(ApiOptions(callers=arguments.callers, seconds=arguments.seconds))
        elif arguments.workload == "replicas":
            report = await measure_replicas(ReplicasOptions(replicas=arguments.replicas, executors=arguments.executors))
        elif arguments.workload == "gateway":
            report = await measure_gateway(GatewayOptions(connections=arguments.connections))
        elif arguments.workload == "fair":
            report = await measure_fairness()
        elif arguments.workload == "telemetry":
            report = await measure_telemetry()
        elif arguments.workload == "w3":
            clients = arguments.in_flight or CLIENTS
            report = await measure_crud(CrudOptions(clients=clients))
        else:
            options = ThroughputOptions(
                workload=arguments.workload,
                in_flight=arguments.in_flight,
                history=arguments.history,
                growth=arguments.growth,
                within_s=arguments.within,
                seals=arguments.seals,
            )
            report = await measure_throughput(options)
        _show(report, as_json=arguments.json)
        return 0

    return run_until_interrupted(measure(), interrupted=INTERRUPTED)


def _show(report: Report, *, as_json: bool) -> None:
    print("\n".join(report.lines()))
    if as_json:
        print(report.as_json())


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measures a workload on this machine.",
        epilog="How to read a workload's figures: bin/bench WORKLOAD --help",
        formatter_class=layout,
    )
    workloads = parser.add_subparsers(dest="workload", required=True, metavar="WORKLOAD")
    demo = workloads.add_parser("demo", help="set-up, start and film of bin/demo", epilog=DEMO, formatter_class=layout)
    demo.add_argument("--rounds", type=_positive, default=1, metavar="N", help="films to make (default: 1)")
    demo.add_argument("--no-set-up", dest="set_up", action="store_false", help="leave the cold set-up out")
    demo.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    api = workloads.add_parser(
        "api", help="calls of clients beside their bare statements", epilog=API, formatter_class=layout
    )
    api.add_argument("--callers", type=_positive, default=16, metavar="N", help="calls at the same time (default: 16)")
    api.add_argument("--seconds", type=_positive, default=5, metavar="S", help="of each kind of call (default: 5)")
    api.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    media = workloads.add_parser("media", help="films beside FFmpeg alone", epilog=MEDIA, formatter_class=layout)
    media.add_argument("--rounds", type=_positive, default=1, metavar="N", help="of each film (default: 1)")
    media.add_argument("--seconds", type=_positive, default=60, metavar="S", help="of a film's clips (default: 60)")
    media.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    gateway = workloads.add_parser(
        "gateway", help="callbacks beside the same commits without HTTP", epilog=GATEWAY, formatter_class=layout
    )
    gateway.add_argument("--connections", type=_positive, default=64, metavar="N", help="of callers (default: 64)")
    gateway.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    fair = workloads.add_parser("fair", help="a small pipeline behind a big one", epilog=FAIR, formatter_class=layout)
    fair.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    telemetry = workloads.add_parser(
        "telemetry", help="w1 with traces and without", epilog=TELEMETRY, formatter_class=layout
    )
    telemetry.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    replicas = workloads.add_parser(
        "replicas", help="w1 with several of each service", epilog=REPLICAS, formatter_class=layout
    )
    replicas.add_argument("--replicas", type=_positive, default=2, metavar="N", help="pipeline services (default: 2)")
    replicas.add_argument("--executors", type=_positive, default=2, metavar="N", help="executors (default: 2)")
    replicas.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    for name, what in THROUGHPUT_WORKLOADS.items():
        w = workloads.add_parser(name, help=what, epilog=THROUGHPUT, formatter_class=layout)
        _add_throughput_options(w)
        if name != "w3":
            _add_lap_options(w)
    return parser


def _add_throughput_options(w: argparse.ArgumentParser) -> None:
    w.add_argument("--in-flight", type=_positive, metavar="N", help="pipelines (w3: clients) at the same time")
    w.add_argument("--json", action="store_true", help="end with one JSON object on a line")


def _add_lap_options(lap: argparse.ArgumentParser) -> None:
    lap.add_argument("--growth", type=_positive, metavar="N", help="then N more laps of 200 pipelines")
    lap.add_argument("--within", type=_positive, metavar="S", help="begin none of these after S seconds")
    lap.add_argument("--no-seals", dest="seals", action="store_false", help="seal nothing, to see what that costs")
    lap.add_argument("--history", type=_positive, metavar="ROWS", help="then a lap over so many rows of the past")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())

"""`python -m devstack dev|demo|cert`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

INTERRUPTED = 130
OWN_SERVERS = """\
Servers of your own replace embedded ones, each with the files it needs:
  DEVSTACK_DATABASE_URL      DEVSTACK_DATABASE_PASSWORD_FILE (the role that owns state),
                             DEVSTACK_EDIT_DATABASE_URL, DEVSTACK_EDIT_DATABASE_PASSWORD_FILE (structure),
                             DEVSTACK_MIGRATE_DATABASE_URL, DEVSTACK_MIGRATE_DATABASE_PASSWORD_FILE (the tables)
  DEVSTACK_NATS_URL          DEVSTACK_NATS_PIPELINE_PASSWORD_FILE, DEVSTACK_NATS_EXECUTOR_PASSWORD_FILE;
                             its certificate must come from the CA in the data folder
  DEVSTACK_S3_ENDPOINT       DEVSTACK_S3_ACCESS_KEY_FILE, DEVSTACK_S3_SECRET_KEY_FILE,
                             optional DEVSTACK_S3_BUCKET and DEVSTACK_S3_REGION
  DEVSTACK_LAMBDA_ENDPOINT
"""


def main() -> int:
    arguments = _parser().parse_args()
    try:
        # Imported here, so that a Ctrl-C during the half second of imports ends as quietly as one after it.
        from devstack.commands import run_command

        return run_command(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devstack", description="The whole system on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)

    dev = commands.add_parser(
        "dev",
        prog="bin/dev",
        help="run everything until Ctrl-C",
        epilog=OWN_SERVERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    dev.add_argument(
        "--data", type=Path, metavar="DIR", help="where data is kept (default: .montage in the repository)"
    )
    dev.add_argument("--ephemeral", action="store_true", help="keep nothing: data in a temporary folder")
    dev.add_argument("--reset", action="store_true", help="begin with empty data")
    dev.add_argument(
        "--vendors", choices=("simulated",), help="start simulated vendors, so that paid nodes run and cost nothing"
    )

    demo = commands.add_parser("demo", prog="bin/demo", help="make a video and stop")
    demo.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR", help="where the video goes (default: out)"
    )
    demo.add_argument("--document", type=Path, metavar="FILE", help="the pipeline to run (default: the welcome film)")
    demo.add_argument("--keep", action="store_true", help="keep the data and logs, and print where")

    cert = commands.add_parser("cert", help="issue another client certificate")
    cert.add_argument("name", help="NAME of the identity spiffe://montage/client/NAME")
    cert.add_argument("--data", type=Path, metavar="DIR", help="data folder (default: .montage in the repository)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

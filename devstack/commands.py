"""What each command line does, and the exit code it ends with."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from devstack.certificates import InvalidClientName, issue_client_certificate
from devstack.demo import DemoOptions, demo
from devstack.dev import DevOptions, dev
from devstack.external import InvalidExternalServers, external_servers_from
from devstack.interrupts import run_until_interrupted
from devstack.layout import Layout, make_private_folder, repository_root
from devstack.nats_server import NatsUnavailable
from devstack.nursery_client import NurseryGone
from devstack.ports import NoFreePort
from devstack.postgres import PostgresUnavailable
from devstack.stack import DataInUse, NotADataFolder, check_data_folder, wipe_data
from devstack.supervisor import StartFailed
from media_lambda.errors import SettingsError
from media_lambda.settings import Settings as MediaSettings

USAGE = 2
REFUSED = 3
UNREACHABLE = 4
INTERRUPTED_WAITING = 5


def run_command(arguments: argparse.Namespace) -> int:
    try:
        match arguments.command:
            case "dev":
                return _dev(arguments)
            case "demo":
                return _demo(arguments)
            case _:
                return _cert(arguments)
    except (InvalidClientName, InvalidExternalServers, NotADataFolder, SettingsError) as err:
        return _complain(err, code=USAGE)
    except DataInUse as err:
        return _complain(err, code=REFUSED)
    except (StartFailed, NurseryGone, NatsUnavailable, PostgresUnavailable, NoFreePort) as err:
        return _complain(err, code=UNREACHABLE)


def _dev(arguments: argparse.Namespace) -> int:
    if arguments.ephemeral and arguments.data is not None:
        return _complain(ValueError("expected either --data or --ephemeral, found both"), code=USAGE)
    # Services stop at a variable that they do not know; the function would fail every job.
    MediaSettings.from_environment(os.environ)
    data = None if arguments.ephemeral else _data_folder(arguments)
    if arguments.reset and data is not None:
        wipe_data(data)
    options = DevOptions(
        data=data,
        external=external_servers_from(os.environ),
        inherited=dict(os.environ),
        simulates_vendors=arguments.vendors == "simulated",
    )
    return run_until_interrupted(dev(options), interrupted=0)


def _demo(arguments: argparse.Namespace) -> int:
    document = arguments.document or repository_root() / "examples" / "welcome" / "pipeline.yaml"
    if not document.is_file():
        return _complain(ValueError(f"there is no document {document}"), code=REFUSED)
    if arguments.out.exists() and not arguments.out.is_dir():
        return _complain(ValueError(f"expected a folder for the results, found a file: {arguments.out}"), code=USAGE)
    options = DemoOptions(document=document, out=arguments.out, keeps_data=arguments.keep)
    return run_until_interrupted(demo(options), interrupted=INTERRUPTED_WAITING)


def _cert(arguments: argparse.Namespace) -> int:
    layout = Layout(_data_folder(arguments))
    check_data_folder(layout.data)
    make_private_folder(layout.data)
    files = issue_client_certificate(layout, arguments.name)
    print(f"certificate  {files.cert}\nkey          {files.key}\nauthority    {files.ca}")
    return 0


def _data_folder(arguments: argparse.Namespace) -> Path:
    chosen: Path = arguments.data or repository_root() / ".montage"
    return chosen.absolute()


def _complain(err: Exception, *, code: int) -> int:
    print(f"devstack: {err}", file=sys.stderr)
    return code

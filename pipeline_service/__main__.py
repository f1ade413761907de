"""`python -m pipeline_service` serves; `migrate` prepares the database, `migrate pre` as far as the code before
can bear; `rewrap` moves secrets to the active master key, `schema` prints documents' JSON Schema."""

import asyncio
import json
import sys

from pipeline_service.config import MigrateSettings, Settings
from servicekit.config import ConfigError, load_settings, read_secret
from servicekit.lifecycle import run
from servicekit.telemetry import configure_logging

USAGE = "usage: python -m pipeline_service [migrate [pre] | rewrap | schema]"


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case []:
                return _serve()
            case ["migrate"]:
                return _migrate(old_code_runs=False)
            case ["migrate", "pre"]:
                return _migrate(old_code_runs=True)
            case ["rewrap"]:
                return _rewrap()
            case ["schema"]:
                return _schema()
            case _:
                sys.stderr.write(f"{USAGE}\n")
                return 2
    except ConfigError as error:
        sys.stderr.write(f"pipeline_service: {error}\n")
        return 2


def _serve() -> int:
    settings = load_settings(Settings)
    level = configure_logging(service="pipeline", level=settings.log_level, form=settings.log_format)
    from pipeline_service.app import start

    return int(run(lambda life: start(settings, life), on_hangup=level.toggle))


def _migrate(*, old_code_runs: bool) -> int:
    settings = load_settings(MigrateSettings)
    configure_logging(service="pipeline-migrate")
    from pipeline_service.store.migrate import migrate

    migrate(
        settings.migrate_database_url,
        password=read_secret(settings.migrate_database_password_file),
        engine_role=settings.migrate_engine_role,
        edit_role=settings.migrate_edit_role,
        old_code_runs=old_code_runs,
    )
    return 0


def _rewrap() -> int:
    settings = load_settings(Settings)
    configure_logging(service="pipeline-rewrap", level=settings.log_level)
    from pipeline_service.commands.errors import PipelineError
    from pipeline_service.rewrap import rewrap
    from pipeline_service.vault.master_keys import InvalidMasterKeys

    try:
        moved = asyncio.run(rewrap(settings))
    except (PipelineError, InvalidMasterKeys) as error:
        sys.stderr.write(f"pipeline_service: {error}\n")
        return 1
    sys.stdout.write(f"{moved} moved to the active master key\n")
    return 0


def _schema() -> int:
    from pipeline_service.domain.document.schema import document_schema
    from pipeline_service.domain.node_types import build_catalogue

    sys.stdout.write(json.dumps(document_schema(build_catalogue()), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

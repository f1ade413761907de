"""`python -m pipeline_service` serves; `python -m pipeline_service migrate` brings the database up to date first."""

import sys

from pipeline_service.config import MigrateSettings, Settings
from servicekit.config import ConfigError, load_settings, read_secret
from servicekit.lifecycle import run
from servicekit.telemetry import configure_logging

USAGE = "usage: python -m pipeline_service [migrate]"


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case []:
                return _serve()
            case ["migrate"]:
                return _migrate()
            case _:
                sys.stderr.write(f"{USAGE}\n")
                return 2
    except ConfigError as error:
        sys.stderr.write(f"pipeline_service: {error}\n")
        return 2


def _serve() -> int:
    settings = load_settings(Settings)
    configure_logging(service="pipeline", level=settings.log_level)
    from pipeline_service.app import start

    return int(run(lambda life: start(settings, life)))


def _migrate() -> int:
    settings = load_settings(MigrateSettings)
    configure_logging(service="pipeline-migrate")
    from pipeline_service.store.migrate import migrate

    migrate(
        settings.migrate_database_url,
        password=read_secret(settings.migrate_database_password_file),
        engine_role=settings.migrate_engine_role,
        edit_role=settings.migrate_edit_role,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m callback_gateway` runs the public gateway until SIGTERM, with `internal` the one for callers inside."""

import sys

from servicekit.config import ConfigError, load_settings
from servicekit.lifecycle import Lifecycle, run
from servicekit.telemetry import configure_logging

USAGE = "usage: python -m callback_gateway [internal]"


def main(arguments: list[str]) -> int:
    """Exit code: 0 stopped when asked, 1 failed, 2 called or set up wrongly."""
    try:
        match arguments:
            case []:
                return _serve()
            case ["internal"]:
                return _serve_internally()
            case _:
                sys.stderr.write(f"{USAGE} (found {' '.join(arguments)})\n")
                return 2
    except ConfigError as err:
        sys.stderr.write(f"{err}\n")
        return 2


def _serve() -> int:
    from callback_gateway import app
    from callback_gateway.config import GatewaySettings

    settings = load_settings(GatewaySettings)
    level = configure_logging(service=app.SERVICE, level=settings.log_level, form=settings.log_format)

    async def start(life: Lifecycle) -> None:
        await app.start(life, settings=settings)

    return run(start, on_hangup=level.toggle)


def _serve_internally() -> int:
    """Another identity, another listener, and nothing of the other one's routes."""
    from callback_gateway.config import GatewaySettings
    from callback_gateway.internal import app
    from callback_gateway.internal.config import InternalSettings

    settings = load_settings(InternalSettings, within=GatewaySettings)
    level = configure_logging(service=app.SERVICE, level=settings.log_level, form=settings.log_format)

    async def start(life: Lifecycle) -> None:
        await app.start(life, settings=settings)

    return run(start, on_hangup=level.toggle)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

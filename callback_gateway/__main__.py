"""`python -m callback_gateway`: runs the public gateway until SIGTERM."""

import functools
import sys

from callback_gateway import app
from callback_gateway.config import GatewaySettings
from servicekit.config import ConfigError, load_settings
from servicekit.lifecycle import Lifecycle, run
from servicekit.telemetry import configure_logging


def main(arguments: list[str]) -> int:
    """Exit code: 0 stopped when asked, 1 failed, 2 called or set up wrongly."""
    if arguments:
        sys.stderr.write(f"usage: python -m callback_gateway (takes no arguments, found {' '.join(arguments)})\n")
        return 2
    configure_logging(service=app.SERVICE)
    try:
        settings = load_settings(GatewaySettings)
    except ConfigError as err:
        sys.stderr.write(f"{err}\n")
        return 2
    return run(functools.partial(_start, settings=settings))


async def _start(life: Lifecycle, settings: GatewaySettings) -> None:
    await app.start(life, settings=settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m executor_service`: settings from the environment, then run until told to stop."""

import sys
from functools import partial

from executor_service.app import STOP_OVERHEAD_S, start
from executor_service.config import ExecutorSettings
from servicekit.config import ConfigError, load_settings
from servicekit.lifecycle import run
from servicekit.telemetry import configure_logging


def main() -> int:
    try:
        settings = load_settings(ExecutorSettings)
    except ConfigError as err:
        sys.stderr.write(f"executor_service: {err}\n")
        return 2
    level = configure_logging(service="executor", level=settings.log_level, form=settings.log_format)
    return run(partial(start, settings), stop_within_s=settings.drain_s + STOP_OVERHEAD_S, on_hangup=level.toggle)


if __name__ == "__main__":
    sys.exit(main())

"""The settings of our programs as the code has them."""

from dataclasses import dataclass
from pathlib import Path

from callback_gateway.config import GatewaySettings
from callback_gateway.internal.config import InternalSettings
from executor_service.config import ExecutorSettings
from media_lambda.settings import VARIABLES
from pipeline_service.config import MigrateSettings, Settings
from servicekit.config import ServiceSettings, load_settings

OURS: dict[str, type[ServiceSettings]] = {
    "pipeline": Settings,
    "migrate": MigrateSettings,
    "executor": ExecutorSettings,
    "callback-gateway": GatewaySettings,
    "internal-gateway": InternalSettings,
}
"""By the name of the container that runs the program, in Kubernetes and in compose."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """What Kubernetes tells a pod about one Service of its namespace."""

    name: str
    port: int

    def links(self) -> dict[str, str]:
        """The variables that `enableServiceLinks` would add."""
        prefix = self.name.upper().replace("-", "_")
        return {
            f"{prefix}_SERVICE_HOST": "10.96.0.1",
            f"{prefix}_SERVICE_PORT": str(self.port),
            f"{prefix}_PORT": f"tcp://10.96.0.1:{self.port}",
        }


def loaded(name: str, environment: dict[str, str]) -> ServiceSettings:
    """Read as the program reads them at its start. Raises ConfigError that names every fault."""
    return load_settings(OURS[name], environment)


def media_variables() -> frozenset[str]:
    return frozenset(VARIABLES)


def file_settings(settings: ServiceSettings) -> dict[str, Path]:
    """Every setting that is a path and is set, by variable; folders to work in are not among them."""
    return {
        settings.variable_of(name): value
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), Path) and name.endswith("_file")
    }

"""docker-compose.yml fits the code, its own parts, and the rules for what runs in a container."""

import json
import re
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.docker.make_secrets import FolderNameExpected, make_secrets
from devstack.lambda_endpoint.__main__ import main as lambda_endpoint
from devstack.layout import BUCKET, DATABASE, EDIT_ROLE, ENGINE_ROLE, MEDIA_FUNCTION, OWNER_ROLE
from devstack.s3.__main__ import main as s3_endpoint
from media_lambda.settings import Settings as MediaSettings
from servicekit.config import HostPort, read_secret
from tests.unit.deploy.manifests import ROOT, Document, compose, services
from tests.unit.deploy.settings import OURS, file_settings, loaded, media_variables

KNOWN_KEYS = frozenset(
    {
        *("build", "cap_drop", "command", "depends_on", "entrypoint", "environment", "healthcheck", "image", "logging"),
        "network_mode",
        *("networks", "ports", "profiles", "read_only", "restart", "secrets", "security_opt", "shm_size"),
        *("stop_grace_period", "tmpfs", "user", "volumes"),
    }
)
"""Of a service, as the compose specification names them; nothing that opens the host is among them."""
ONCE = ("bucket", "migrate")
COLLECTORS = tuple(name for name in services() if name.endswith("-collector"))
"""Their image holds their program and nothing that could look after it; nobody waits for one."""
PREFIX = "${MONTAGE_SECRETS:?folder with the secrets}/"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:\?|:-)([^}]*)\}")
PUBLISHED = {"s3": ["127.0.0.1:9000:9000"], "pipeline": ["127.0.0.1:50051:50051"],
             "callback-gateway": ["${MONTAGE_GATEWAY_BIND:-127.0.0.1}:8443:8443"],
             "internal-gateway": ["127.0.0.1:8444:8444"], "grafana": ["127.0.0.1:3000:3000"]}  # fmt: skip

TALK = frozenset(
    {
        ("migrate", "postgres"),
        ("pipeline", "postgres"),
        ("pipeline", "nats"),
        ("executor", "nats"),
        ("pipeline", "s3"),
        ("executor", "s3"),
        ("bucket", "s3"),
        ("lambda", "s3"),
        ("executor", "pipeline"),
        ("callback-gateway", "pipeline"),
        ("internal-gateway", "pipeline"),
        ("executor", "lambda"),
        ("lambda", "callback-gateway"),
    }
)
"""Who has to talk to whom."""
GUARDED = ("postgres", "nats")
"""Nobody else may even share a network with these."""


def environment(name: str) -> dict[str, str]:
    """As compose fills it in when the operator sets nothing."""
    given = services()[name].get("environment", {})
    return {key: VARIABLE.sub(lambda match: match[3], str(value)) for key, value in given.items()}


def networks(name: str) -> set[str]:
    """Also those of the service whose network is shared."""
    service = services()[name]
    return (
        networks(service["network_mode"].removeprefix("service:"))
        if "network_mode" in service
        else set(service["networks"])
    )


def option(name: str, flag: str) -> str:
    """The value of a flag in a service's command."""
    command = services()[name]["command"]
    joined = [part.removeprefix(f"{flag}=") for part in command if part.startswith(f"{flag}=")]
    return joined[0] if joined else str(command[command.index(flag) + 1])


def mounted_files(name: str, secrets: Path) -> dict[str, Path]:
    """Files in the container to the files they are on the host."""
    declared = {key: secrets / value["file"].removeprefix(PREFIX) for key, value in compose()["secrets"].items()}
    found: dict[str, Path] = {}
    for entry in services()[name].get("secrets", ()):
        source = entry if isinstance(entry, str) else entry["source"]
        target = f"/run/secrets/{entry}" if isinstance(entry, str) else entry["target"]
        found[target] = declared[source]
    for volume in services()[name].get("volumes", ()):
        if isinstance(volume, dict) and volume["source"].startswith(PREFIX):
            folder = secrets / volume["source"].removeprefix(PREFIX)
            found |= {f"{volume['target']}/{path.name}": path for path in folder.iterdir()}
    return found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    make_secrets(folder)
    return folder


def test_services_use_known_keys_and_declared_parts() -> None:
    whole = compose()
    assert {key for key in whole if not key.startswith("x-")} == {"name", "services", "networks", "volumes", "secrets"}
    for name, service in services().items():
        assert service.keys() <= KNOWN_KEYS, name
        assert networks(name) <= whole["networks"].keys()
        assert set(service.get("depends_on", {})) <= services().keys()
        for volume in service.get("volumes", ()):
            if isinstance(volume, str):
                assert volume.partition(":")[0] in whole["volumes"]
            else:
                assert volume["type"] == "bind"
                assert volume["read_only"] is True
                assert volume["bind"] == {"create_host_path": False}


@pytest.mark.parametrize("name", services())
def test_container_is_unprivileged_and_its_root_read_only(name: str) -> None:
    service = services()[name]

    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", services())
def test_image_has_an_exact_tag(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?", services()[name]["image"])


@pytest.mark.parametrize("name", [name for name in services() if name not in ONCE + COLLECTORS])
def test_what_stays_up_has_a_healthcheck(name: str) -> None:
    assert services()[name]["healthcheck"]["test"][0] == "CMD"


def test_every_condition_can_come_true() -> None:
    for name, service in services().items():
        for other, wait in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert wait == {"condition": expected}, name


@pytest.mark.parametrize("name", OURS)
def test_variables_of_a_service_start_its_program(name: str) -> None:
    loaded(name, environment(name))


@pytest.mark.parametrize("name", OURS)
def test_every_file_of_a_setting_is_mounted_and_accepted(name: str, secrets: Path) -> None:
    files = file_settings(loaded(name, environment(name)))
    mounted = mounted_files(name, secrets)

    assert files
    for variable, path in files.items():
        assert str(path) in mounted, f"{variable}={path} is not mounted"
        assert read_secret(mounted[str(path)])


@pytest.mark.parametrize("name", ["nats", "nats-2", "nats-3", "s3", "lambda", "bucket", "postgres"])
def test_secrets_of_a_server_exist(name: str, secrets: Path) -> None:
    mounted = mounted_files(name, secrets)

    assert mounted
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in mounted.values())


def test_authority_key_is_mounted_nowhere(secrets: Path) -> None:
    assert not [
        name for name in services() for path in mounted_files(name, secrets).values() if path.name == "ca-key.pem"
    ]


def test_operator_names_only_what_has_no_default_or_a_harmless_one() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    required = {match[1] for match in VARIABLE.finditer(text) if match[2] == ":?"}
    defaults = {match[1]: match[3] for match in VARIABLE.finditer(text) if match[2] == ":-"}

    assert required == {"MONTAGE_SECRETS"}
    assert defaults == {
        "MONTAGE_NATS_CONFIG": "server",
        "MONTAGE_NATS_REPLICAS": "1",
        "MONTAGE_GATEWAY_BIND": "127.0.0.1",
    }


def test_no_variable_holds_a_secret() -> None:
    for name in services():
        for variable, value in environment(name).items():
            assert not re.search(r"(PASSWORD|SECRET|_KEY)$", variable), name
            assert urlsplit(value).password is None


def test_ports_are_published_on_loopback_only() -> None:
    assert {name: service["ports"] for name, service in services().items() if "ports" in service} == PUBLISHED


def test_who_must_talk_shares_a_network() -> None:
    assert not [pair for pair in TALK if not networks(pair[0]) & networks(pair[1])]


@pytest.mark.parametrize("server", GUARDED)
def test_nobody_else_shares_a_network_with(server: str) -> None:
    near = {name for name in services() if networks(name) & networks(server)} - {server, "nats-2", "nats-3"}
    talking = {first for first, second in TALK if second == server}

    # A collector is where its service is.
    assert near - set(COLLECTORS) == talking
    assert {name.removesuffix("-collector") for name in near & set(COLLECTORS)} <= talking


def test_only_one_network_leads_outside() -> None:
    declared: dict[str, Any] = compose()["networks"]

    assert [name for name, network in declared.items() if not network.get("internal")] == ["edge"]
    assert not {"postgres", "nats", "migrate", "lambda", "bucket"} & {
        name for name in services() if "edge" in networks(name)
    }


def test_names_of_database_roles_bucket_and_function_are_the_ones_of_the_code() -> None:
    engine = urlsplit(environment("pipeline")["PIPELINE_DATABASE_URL"])
    edit = urlsplit(environment("pipeline")["PIPELINE_EDIT_DATABASE_URL"])
    owner = urlsplit(environment("migrate")["PIPELINE_MIGRATE_DATABASE_URL"])

    assert (engine.username, edit.username, owner.username) == (ENGINE_ROLE, EDIT_ROLE, OWNER_ROLE)
    assert engine.path == edit.path == owner.path == f"/{DATABASE}" == f"/{environment('postgres')['POSTGRES_DB']}"
    assert services()["bucket"]["command"][1] == BUCKET == environment("executor")["EXECUTOR_S3_BUCKET"]
    assert option("lambda", "--function") == f"{MEDIA_FUNCTION}=media_lambda.handler:handler"
    assert environment("executor")["EXECUTOR_MEDIA_FUNCTION"] == MEDIA_FUNCTION


def test_endpoints_listen_where_they_are_asked_for() -> None:
    assert (
        urlsplit(environment("pipeline")["PIPELINE_S3_ENDPOINT"]).port == HostPort.parse(option("s3", "--listen")).port
    )
    assert (
        urlsplit(environment("executor")["EXECUTOR_LAMBDA_ENDPOINT"]).port
        == HostPort.parse(option("lambda", "--listen")).port
    )
    gateway = urlsplit(environment("pipeline")["PIPELINE_GATEWAY_URL"])
    assert (gateway.hostname, gateway.port) == (
        "callback-gateway",
        HostPort.parse(environment("callback-gateway")["GATEWAY_LISTEN"]).port,
    )


def test_options_of_devstacks_endpoints_exist() -> None:
    for name, command in (("s3", s3_endpoint), ("lambda", lambda_endpoint)):
        known = {flag for parameter in command.params for flag in parameter.opts}
        used = {part.partition("=")[0] for part in services()[name]["command"] if part.startswith("--")}
        assert used <= known
    assert services()["s3"]["command"][0] == "devstack.s3"
    assert services()["lambda"]["command"][0] == "devstack.lambda_endpoint"


def test_environment_of_the_media_function_is_known_and_its_files_are_mounted(secrets: Path) -> None:
    given: Document = json.loads((ROOT / "deploy/docker/media.env.json").read_text(encoding="utf-8"))
    mounted = mounted_files("lambda", secrets)
    on_host = {key: str(mounted[value]) if key.endswith("_FILE") else value for key, value in given.items()}

    settings = MediaSettings.from_environment(on_host)

    assert given.keys() - {"PATH"} <= media_variables()
    assert settings.s3_endpoint == environment("executor")["EXECUTOR_S3_ENDPOINT"]
    assert settings.s3_access_key


def test_secrets_made_again_stay_the_same(secrets: Path) -> None:
    before = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}

    make_secrets(secrets)

    assert {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()} == before


def test_secrets_in_a_folder_of_another_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderNameExpected, match="expected a folder called 'secrets'"):
        make_secrets(tmp_path / "other")

    assert not list(tmp_path.iterdir())


def test_collector_stands_beside_each_service_and_looks_where_it_shows_its_metrics() -> None:
    told = yaml.safe_load((ROOT / "deploy/telemetry/collector.yaml").read_text(encoding="utf-8"))
    [job] = told["receivers"]["prometheus"]["config"]["scrape_configs"]
    [static] = job["static_configs"]
    served = [name for name in OURS if any(key.endswith("_OPS_LISTEN") for key in environment(name))]

    assert sorted(COLLECTORS) == sorted(f"{name}-collector" for name in served)
    for name in served:
        beside = services()[f"{name}-collector"]
        assert beside["network_mode"] == f"service:{name}"
        assert environment(f"{name}-collector") == {"MONTAGE_SERVICE": name}
        assert [value for key, value in environment(name).items() if key.endswith("_OPS_LISTEN")] == static["targets"]
        assert networks("prometheus") <= networks(name)
    assert urlsplit(told["exporters"]["prometheusremotewrite"]["endpoint"]).netloc == "prometheus:9090"


def test_parts_of_the_profile_telemetry_are_started_by_it_alone_and_find_their_files() -> None:
    optional = {name for name, service in services().items() if service.get("profiles") == ["telemetry"]}

    assert optional == {*COLLECTORS, "prometheus", "grafana"}
    for name in optional:
        for volume in services()[name]["volumes"]:
            assert (ROOT / volume["source"]).exists(), volume["source"]
    assert environment("grafana")["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana_password"

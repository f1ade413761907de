"""Every process gets its own settings by name, and no secret by value."""

from dataclasses import replace
from pathlib import Path

import pytest

from callback_gateway.config import GatewaySettings
from callback_gateway.internal.config import InternalSettings
from devstack.addresses import Addresses, Ports, client_environment
from devstack.certificates import ensure_certificates
from devstack.external import ExternalDatabase, ExternalServers, InvalidExternalServers, external_servers_from
from devstack.layout import Layout, write_private
from devstack.place import Place
from devstack.process_table import ALL_PROCESSES, PYTHON_PROCESSES, SERVERS, PythonProcess, python_spec
from devstack.secret_files import ensure_secrets
from devstack.service_environments import media_environment
from executor_service.config import ExecutorSettings
from media_lambda.settings import Settings as MediaSettings
from pipeline_service.config import MigrateSettings, Settings
from servicekit.config import ConfigError, ServiceSettings, load_settings

PORTS = Ports(
    pipeline=1,
    gateway=2,
    nats=3,
    postgres=4,
    s3=5,
    lambda_endpoint=6,
    pipeline_ops=7,
    executor_ops=8,
    gateway_ops=9,
    internal=10,
    internal_ops=11,
)
TABLE = {process.name: process for process in PYTHON_PROCESSES}
SETTINGS: dict[str, type[ServiceSettings]] = {
    "migrate": MigrateSettings,
    "pipeline": Settings,
    "executor": ExecutorSettings,
    "gateway": GatewaySettings,
    "internal": InternalSettings,
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    layout = Layout(tmp_path)
    ensure_secrets(layout)
    ensure_certificates(layout)
    write_private(layout.functions, "{}")
    return Place(layout=layout, addresses=Addresses(ports=PORTS, external=ExternalServers()))


@pytest.mark.parametrize("process", PYTHON_PROCESSES, ids=lambda process: process.name)
def test_process_gets_paths_to_secrets_and_never_their_content(place: Place, process: PythonProcess) -> None:
    spec = python_spec(process, place, extra={})

    secrets = {path.read_text() for path in place.layout.secrets.rglob("*") if path.is_file()}
    given = [*spec.argv, *spec.environment.values(), *media_environment(place).values()]
    assert len(secrets) > 15
    assert not [value for value in given if any(secret in value for secret in secrets)]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("pipeline", "PIPELINE_"), ("executor", "EXECUTOR_"), ("gateway", "GATEWAY_"), ("internal", "GATEWAY_INTERNAL_")],
)
def test_service_gets_its_own_certificate_and_files_that_exist(place: Place, name: str, prefix: str) -> None:
    environment = python_spec(TABLE[name], place, extra={}).environment

    files = [Path(value) for key, value in environment.items() if key.startswith(prefix) and key.endswith("_FILE")]
    assert len(files) >= 4
    assert [path for path in files if not path.is_file()] == []
    identity = {"gateway": "callback-gateway", "internal": "internal-gateway"}.get(name, name)
    assert environment[f"{prefix}TLS_KEY_FILE"] == str(place.layout.tls(identity).key)


def test_service_never_sees_the_owner_of_the_database(place: Place) -> None:
    pipeline = python_spec(TABLE["pipeline"], place, extra={}).environment
    migrate = python_spec(TABLE["migrate"], place, extra={}).environment

    assert pipeline["PIPELINE_DATABASE_URL"] == "postgresql://montage_engine@127.0.0.1:4/montage"
    assert pipeline["PIPELINE_EDIT_DATABASE_URL"] == "postgresql://montage_edit@127.0.0.1:4/montage"
    assert not [key for key in pipeline if "MIGRATE" in key]
    assert migrate["PIPELINE_MIGRATE_DATABASE_URL"] == "postgresql://montage_owner@127.0.0.1:4/montage"


def test_environment_around_the_stack_adds_settings_but_replaces_none(place: Place) -> None:
    around = {"EXECUTOR_ELEVENLABS_API_KEY_FILE": "/k", "EXECUTOR_PIPELINE_ADDR": "elsewhere:1", "AWS_PROFILE": "mine"}

    environment = python_spec(TABLE["executor"], replace(place, inherited=around), extra={}).environment

    assert environment["EXECUTOR_ELEVENLABS_API_KEY_FILE"] == "/k"
    assert environment["EXECUTOR_PIPELINE_ADDR"] == "127.0.0.1:1"
    assert "AWS_PROFILE" not in environment


def test_executor_gets_the_vendors_keys_that_are_there_as_paths(place: Place) -> None:
    key = place.layout.vendor_key("heygen")
    before = python_spec(TABLE["executor"], place, extra={}).environment
    write_private(key, "sk_secret")

    environment = python_spec(TABLE["executor"], place, extra={}).environment

    assert "EXECUTOR_HEYGEN_API_KEY_FILE" not in before
    assert environment["EXECUTOR_HEYGEN_API_KEY_FILE"] == str(key)


def test_users_own_variable_counts_before_the_key_in_the_folder(place: Place) -> None:
    write_private(place.layout.vendor_key("heygen"), "sk_secret")
    around = {"EXECUTOR_HEYGEN_API_KEY_FILE": "/k"}

    environment = python_spec(TABLE["executor"], replace(place, inherited=around), extra={}).environment

    assert environment["EXECUTOR_HEYGEN_API_KEY_FILE"] == "/k"


@pytest.mark.parametrize("name", SETTINGS)
def test_service_starts_with_all_that_it_is_given(place: Place, name: str) -> None:
    environment = python_spec(TABLE[name], place, extra={}).environment

    load_settings(SETTINGS[name], environment)


@pytest.mark.parametrize("name", SETTINGS)
def test_variable_around_the_stack_that_nobody_reads_stops_the_service(place: Place, name: str) -> None:
    around = {f"{SETTINGS[name].env_prefix}OPS_LISTENS": "127.0.0.1:1"}
    environment = python_spec(TABLE[name], replace(place, inherited=around), extra={}).environment

    with pytest.raises(
        ConfigError, match=r"^1 wrong or missing setting:\n .*_OPS_LISTENS: no such setting; did you mean"
    ):
        load_settings(SETTINGS[name], environment)


def test_media_function_starts_with_all_that_it_is_given(place: Place) -> None:
    MediaSettings.from_environment(media_environment(place))


def test_override_of_a_stack_replaces_a_setting(place: Place) -> None:
    environment = python_spec(TABLE["pipeline"], place, extra={"PIPELINE_LEASE_S": "2"}).environment

    assert environment["PIPELINE_LEASE_S"] == "2"


def test_processes_wait_only_for_processes_of_the_table() -> None:
    assert [*SERVERS[:2], *TABLE] == ["postgres", "nats", *TABLE]
    named = {name for process in PYTHON_PROCESSES for name in (*process.after, *process.stops_before)}
    assert named <= set(ALL_PROCESSES)
    assert set(TABLE) | {"postgres", "nats"} == set(ALL_PROCESSES)


def test_own_database_reaches_pipeline_and_migration(place: Place, tmp_path: Path) -> None:
    database = ExternalDatabase(
        url="postgresql://engine@db:5432/m",
        password_file=tmp_path / "engine",
        edit_url="postgresql://edit@db:5432/m",
        edit_password_file=tmp_path / "edit",
        migrate_url="postgresql://owner@db:5432/m",
        migrate_password_file=tmp_path / "owner",
    )
    own = replace(place, addresses=Addresses(ports=PORTS, external=ExternalServers(database=database)))

    pipeline = python_spec(TABLE["pipeline"], own, extra={}).environment
    migrate = python_spec(TABLE["migrate"], own, extra={}).environment

    assert pipeline["PIPELINE_DATABASE_URL"] == "postgresql://engine@db:5432/m"
    assert pipeline["PIPELINE_DATABASE_PASSWORD_FILE"] == str(tmp_path / "engine")
    assert pipeline["PIPELINE_EDIT_DATABASE_URL"] == "postgresql://edit@db:5432/m"
    assert pipeline["PIPELINE_EDIT_DATABASE_PASSWORD_FILE"] == str(tmp_path / "edit")
    assert migrate["PIPELINE_MIGRATE_DATABASE_PASSWORD_FILE"] == str(tmp_path / "owner")
    assert client_environment(own.layout, own.addresses)["MONTAGE_DATABASE_URL"] == "postgresql://engine@db:5432/m"


def test_own_servers_with_missing_files_are_refused_with_all_faults() -> None:
    with pytest.raises(InvalidExternalServers) as caught:
        external_servers_from(
            {
                "DEVSTACK_DATABASE_URL": "postgresql://app@db/m",
                "DEVSTACK_S3_ENDPOINT": "http://s3",
                "DEVSTACK_S3_ACCESS_KEY_FILE": "/nowhere",
                "DEVSTACK_NATS": "nats://mine",
            }
        )

    for expected in (
        "DEVSTACK_DATABASE_PASSWORD_FILE must be too",
        "DEVSTACK_EDIT_DATABASE_URL must be too",
        "DEVSTACK_MIGRATE_DATABASE_URL must be too",
        "DEVSTACK_S3_ACCESS_KEY_FILE: expected a file, found nothing at /nowhere",
        "DEVSTACK_S3_SECRET_KEY_FILE must be too",
        "DEVSTACK_NATS: no such setting; did you mean DEVSTACK_NATS_URL?",
    ):
        assert expected in str(caught.value)


def test_unset_variables_name_no_own_servers() -> None:
    assert external_servers_from({"DATABASE_URL": "postgresql://x", "NATS_URL": "nats://x"}) == ExternalServers()

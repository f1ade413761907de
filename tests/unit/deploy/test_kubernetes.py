"""The manifests of deploy/kubernetes fit the code, each other, and the rules for what runs in a cluster."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from devstack.certificates import IDENTITIES
from executor_service.app import STOP_OVERHEAD_S
from executor_service.config import ExecutorSettings
from pipeline_service.access import CALLBACK_GATEWAY, EXECUTOR, INTERNAL_GATEWAY
from servicekit.config import ConfigError, HostPort
from tests.unit.deploy.manifests import (
    BASE,
    PROD,
    ROOT,
    Document,
    container,
    documents,
    environment,
    of_kind,
    pod_specs,
)
from tests.unit.deploy.settings import OURS, Service, file_settings, loaded

SERVICES = ("pipeline", "executor", "callback-gateway", "internal-gateway")
READABLE_BY_GROUP = 0o440


def addresses(name: str) -> Iterator[HostPort]:
    """Where a workload connects inside the namespace."""
    for variable, value in environment(container(name)).items():
        if variable.endswith("_ADDR"):
            yield HostPort.parse(value)
        elif variable.endswith(("_NATS_URL", "_DATABASE_URL")):
            yield HostPort.parse(re.sub(r"^[a-z]+://(?:[^@/]*@)?([^/?]+).*$", r"\1", value))


def strings(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                yield str(key)
                yield from strings(inner)
        case list():
            for inner in value:
                yield from strings(inner)
        case str():
            yield value


def probe_ports(found: Document) -> set[int]:
    return {int(found[kind]["exec"]["command"][4]) for kind in ("startupProbe", "livenessProbe", "readinessProbe")}


def mounted(name: str) -> dict[PurePosixPath, Document]:
    """Volumes by the folder they are mounted at."""
    volumes = {volume["name"]: volume for volume in pod_specs()[name]["volumes"]}
    mounts = container(name)["volumeMounts"]
    assert {mount["name"] for mount in mounts} == volumes.keys()
    return {PurePosixPath(mount["mountPath"]): volumes[mount["name"]] for mount in mounts}


def test_kustomization_names_every_manifest() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]

    assert sorted(listed) == sorted(path.name for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")


def test_every_object_lies_in_the_namespace() -> None:
    assert {found["metadata"].get("namespace") for found in documents(BASE) if found["kind"] != "Namespace"} == {
        "montage"
    }


def test_workloads_are_the_programs_we_have() -> None:
    assert pod_specs().keys() == OURS.keys()


@pytest.mark.parametrize("name", OURS)
def test_variables_of_a_workload_start_its_program(name: str) -> None:
    loaded(name, environment(container(name)))


@pytest.mark.parametrize(("name", "arguments"), [("migrate", ["migrate", "pre"]), ("internal-gateway", ["internal"])])
def test_second_process_of_an_image_is_told_so(name: str, arguments: list[str]) -> None:
    assert container(name)["args"] == arguments


@pytest.mark.parametrize("name", OURS)
def test_links_to_services_are_off_where_they_would_stop_the_start(name: str) -> None:
    links = {
        variable: value
        for found in of_kind("Service").values()
        for variable, value in Service(name=found["metadata"]["name"], port=found["spec"]["ports"][0]["port"])
        .links()
        .items()
    }

    assert pod_specs()[name]["enableServiceLinks"] is False
    if name in ("pipeline", "migrate"):
        with pytest.raises(ConfigError, match="PIPELINE_SERVICE_HOST: no such setting"):
            loaded(name, environment(container(name)) | links)


@pytest.mark.parametrize("name", OURS)
def test_every_secret_file_is_mounted_with_a_mode_that_is_accepted(name: str) -> None:
    volumes = mounted(name)

    files = file_settings(loaded(name, environment(container(name))))

    assert files
    for variable, path in files.items():
        assert PurePosixPath(path.parent) in volumes, f"{variable}={path} lies in no mounted folder"
        secret = volumes[PurePosixPath(path.parent)]["secret"]
        assert secret["defaultMode"] == READABLE_BY_GROUP
        if "items" in secret:
            assert path.name in {item["path"] for item in secret["items"]}


@pytest.mark.parametrize("name", OURS)
def test_pod_is_unprivileged_and_its_root_read_only(name: str) -> None:
    spec = pod_specs()[name]

    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == name
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    assert all(volume.keys() - {"name"} <= {"secret", "emptyDir"} for volume in spec["volumes"])


@pytest.mark.parametrize("name", OURS)
def test_service_account_gives_no_token(name: str) -> None:
    assert of_kind("ServiceAccount")[name]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", SERVICES)
def test_probes_ask_the_ops_listener_where_it_listens(name: str) -> None:
    (listen,) = [value for variable, value in environment(container(name)).items() if variable.endswith("_OPS_LISTEN")]

    assert HostPort.parse(listen).host == "127.0.0.1"
    assert probe_ports(container(name)) == {HostPort.parse(listen).port}
    for kind, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container(name)[kind]["exec"]["command"][-1] == path


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("pipeline", "PIPELINE_LISTEN"),
        ("callback-gateway", "GATEWAY_LISTEN"),
        ("internal-gateway", "GATEWAY_INTERNAL_LISTEN"),
    ],
)
def test_service_leads_to_the_port_that_the_program_listens_on(name: str, variable: str) -> None:
    listen = HostPort.parse(environment(container(name))[variable])
    (published,) = of_kind("Service")[name]["spec"]["ports"]
    (port,) = container(name)["ports"]

    assert listen.host == "0.0.0.0"  # noqa: S104 - all of a pod's addresses; the policies decide who gets there
    assert published["port"] == listen.port == port["containerPort"]
    assert published["targetPort"] == port["name"]


@pytest.mark.parametrize("name", OURS)
def test_every_connection_has_a_rule_to_leave_by(name: str) -> None:
    opened = {
        (peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"], port["port"])
        for rule in of_kind("NetworkPolicy")[name]["spec"]["egress"]
        for peer in rule["to"]
        if "podSelector" in peer
        for port in rule["ports"]
    }

    assert {(address.host, address.port) for address in addresses(name)} == opened


def test_policies_name_only_ports_that_somebody_listens_on() -> None:
    listening = {
        HostPort.parse(value).port
        for name in SERVICES
        for variable, value in environment(container(name)).items()
        if variable.endswith("_LISTEN") and not variable.endswith("_OPS_LISTEN")
    }
    connected = {address.port for name in OURS for address in addresses(name)}
    (routes,) = re.findall(r'listen: "[0-9.]+:(\d+)"', (ROOT / "deploy/nats/cluster.conf").read_text(encoding="utf-8"))
    named = {
        entry["port"]
        for policy in of_kind("NetworkPolicy").values()
        for direction in ("ingress", "egress")
        for rule in policy["spec"].get(direction) or ()
        for entry in rule["ports"]
    }

    dns, https = 53, 443
    assert named == listening | connected | {int(routes), dns, https}


@pytest.mark.parametrize("name", SERVICES)
def test_certificate_carries_the_one_identity_that_the_service_is_known_by(name: str) -> None:
    spec = of_kind("Certificate")[name]["spec"]

    assert spec["uris"] == [IDENTITIES[name]]
    assert "isCA" not in spec
    assert mounted(name)[PurePosixPath("/run/montage/tls")]["secret"]["secretName"] == spec["secretName"]


def test_identities_of_callers_are_the_ones_that_are_admitted() -> None:
    certificates = of_kind("Certificate")

    assert EXECUTOR.admits(certificates["executor"]["spec"]["uris"][0])
    assert CALLBACK_GATEWAY.admits(certificates["callback-gateway"]["spec"]["uris"][0])
    assert INTERNAL_GATEWAY.admits(certificates["internal-gateway"]["spec"]["uris"][0])


@pytest.mark.parametrize("name", OURS)
def test_certificate_of_a_server_names_the_host_its_callers_use(name: str) -> None:
    certificates = of_kind("Certificate")

    for address in addresses(name):
        if address.host != "postgres":  # brings its own certificate
            assert address.host in certificates[address.host]["spec"]["dnsNames"]


def test_certificates_come_from_one_authority() -> None:
    assert {found["spec"]["issuerRef"]["name"] for found in of_kind("Certificate").values()} <= of_kind("Issuer").keys()
    signers = {name: found["spec"]["issuerRef"]["name"] for name, found in of_kind("Certificate").items()}
    assert signers.pop("montage-ca") == "montage-root"
    assert set(signers.values()) == {"montage-ca"}


@pytest.mark.parametrize("name", SERVICES)
def test_grace_period_outlasts_the_orderly_stop(name: str) -> None:
    before_s = float(
        container(name).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])[1]
    )
    settings = loaded(name, environment(container(name)))
    # What servicekit.lifecycle.run allows by default; the executor counts its own.
    stop_s = settings.drain_s + STOP_OVERHEAD_S if isinstance(settings, ExecutorSettings) else 30.0

    assert pod_specs()[name]["terminationGracePeriodSeconds"] > before_s + stop_s


@pytest.mark.parametrize("name", SERVICES)
def test_disruption_budget_selects_the_pods_of_its_service(name: str) -> None:
    budget = of_kind("PodDisruptionBudget")[name]["spec"]
    deployment = of_kind("Deployment")[name]["spec"]

    assert budget["selector"] == deployment["selector"]
    assert deployment["selector"]["matchLabels"].items() <= deployment["template"]["metadata"]["labels"].items()
    assert budget["maxUnavailable"] == 1


@pytest.mark.parametrize("name", OURS)
def test_image_has_an_exact_tag(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+", container(name)["image"])


def test_no_manifest_holds_a_secret() -> None:
    found = [*documents(BASE), *documents(PROD)]

    assert not [one for one in found if one["kind"] == "Secret"]
    assert not [text for one in found for text in strings(one) if re.search(r"://[^/@\s]+:[^/@\s]+@|PRIVATE KEY", text)]


def test_patch_changes_only_what_the_base_has() -> None:
    for patch in documents(PROD):
        name, containers = patch["metadata"]["name"], patch["spec"]["template"]["spec"].pop("containers")
        base = of_kind(patch["kind"])[name]

        assert base["metadata"]["namespace"] == patch["metadata"]["namespace"]
        assert [one["name"] for one in containers] == [container(name)["name"]]
        loaded(name, environment(container(name)) | environment(containers[0]))
        assert patch["spec"]["replicas"] >= base["spec"]["replicas"]
        for spread in patch["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert spread["labelSelector"] == base["spec"]["selector"]

"""Every file of deploy/kubernetes and docker-compose.yml passes the strict schema of what it is."""

import copy
from typing import Any

import pytest
import yaml

from tests.unit.deploy.manifests import BASE, PROD, Document, compose, documents, patched
from tests.unit.deploy.schemas import KUBERNETES, faults_of_compose, faults_of_object

OBJECTS = [*documents(BASE), *patched()]
ONE_OF_EACH = {found["kind"]: found for found in OBJECTS}


def kustomizations() -> list[Document]:
    return [yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8")) for folder in (BASE, PROD)]


def with_surprise(found: Document, *path: str | int) -> Document:
    """A copy with one more field at a place, as a slip of the hand would leave it."""
    changed = copy.deepcopy(found)
    place: Any = changed
    for step in path:
        place = place[step]
    place["surprise"] = "x"
    return changed


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_valid(version: str) -> None:
    found = {f"{one['kind']}/{one['metadata']['name']}": faults_of_object(one, version=version) for one in OBJECTS}

    assert {name: faults for name, faults in found.items() if faults} == {}


def test_kustomizations_are_valid() -> None:
    assert [faults_of_object(found, version=KUBERNETES[0]) for found in kustomizations()] == [[], []]


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_field_that_nobody_knows_is_refused(kind: str) -> None:
    found = ONE_OF_EACH[kind]

    for path in [(), ("metadata",), *([("spec",)] if "spec" in found else [])]:
        assert faults_of_object(with_surprise(found, *path), version=KUBERNETES[-1]), path


def test_field_that_nobody_knows_is_refused_deep_inside_a_pod() -> None:
    deployment = ONE_OF_EACH["Deployment"]
    pod = ("spec", "template", "spec")
    container = (*pod, "containers", 0)
    places = (pod, container, (*container, "securityContext"), (*container, "livenessProbe"), (*container, "env", 0))

    for place in places:
        assert faults_of_object(with_surprise(deployment, *place), version=KUBERNETES[-1]), place


def test_port_that_is_no_number_is_refused() -> None:
    service = copy.deepcopy(ONE_OF_EACH["Service"])
    service["spec"]["ports"][0]["port"] = "https"

    assert "$.spec.ports[0].port: 'https' is not of type 'integer'" in faults_of_object(service, version=KUBERNETES[-1])


def test_certificate_is_renewed_before_it_ends() -> None:
    for found in OBJECTS:
        if found["kind"] == "Certificate":
            hours = {key: int(found["spec"][key].removesuffix("h")) for key in ("duration", "renewBefore")}
            assert hours["renewBefore"] < hours["duration"], found["metadata"]["name"]


def test_compose_file_is_valid() -> None:
    assert faults_of_compose(compose()) == []


def test_compose_field_that_nobody_knows_is_refused() -> None:
    for place in [(), ("services", "pipeline"), ("services", "pipeline", "healthcheck"), ("networks", "edge")]:
        assert faults_of_compose(with_surprise(compose(), *place)), place

"""Reads the manifests of deploy/ and docker-compose.yml."""

import copy
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "deploy/kubernetes/base"
PROD = ROOT / "deploy/kubernetes/prod"

Document = dict[str, Any]


def documents(folder: Path) -> Iterator[Document]:
    """Every object of a folder of Kubernetes manifests, without its kustomization."""
    for path in sorted(folder.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from copy.deepcopy(_parsed(path))


def of_kind(*kinds: str, folder: Path = BASE) -> dict[str, Document]:
    """Objects of these kinds by name."""
    return {found["metadata"]["name"]: found for found in documents(folder) if found["kind"] in kinds}


def patched() -> Iterator[Document]:
    """What kustomize makes of the objects that prod changes: entries with names are merged, other lists replaced."""
    base = {(found["kind"], found["metadata"]["name"]): found for found in documents(BASE)}
    for patch in documents(PROD):
        yield _merged(base[patch["kind"], patch["metadata"]["name"]], patch)


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merged(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and all("name" in entry for entry in (*old, *new)):
        named = {entry["name"]: entry for entry in old}
        return list((named | {entry["name"]: _merged(named.get(entry["name"]), entry) for entry in new}).values())
    return new


def pod_specs() -> dict[str, Document]:
    """What runs, by the name of its Deployment or Job."""
    return {name: found["spec"]["template"]["spec"] for name, found in of_kind("Deployment", "Job").items()}


def container(name: str) -> Document:
    """The one container of a workload."""
    (only,) = pod_specs()[name]["containers"]
    return dict(only)


def environment(found: Mapping[str, Any]) -> dict[str, str]:
    """Of a container; every variable is given in place."""
    return {entry["name"]: entry["value"] for entry in found.get("env", ())}


def compose() -> Document:
    """docker-compose.yml, anchors resolved, variables of the operator not."""
    (loaded,) = copy.deepcopy(_parsed(ROOT / "docker-compose.yml"))
    return loaded


def services() -> dict[str, Document]:
    return dict(compose()["services"])


# Remembered, because every test reads them and parsing takes longer than all the checks.
@functools.cache
def _parsed(path: Path) -> list[Document]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))

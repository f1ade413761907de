"""Strict schemas, all of them on this machine: those of Kubernetes and of compose files as their projects publish them,
in packages of the lock, and small ones of ours for what no package has.

A schema is strict when a field that it does not know is a fault. An API server drops such a field without a word.
"""

import functools
import importlib.resources
import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry, Resource

KUBERNETES = ("1.33", "1.37")
"""The oldest and the newest version that the manifests are held against."""

_NAME = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
_DURATION = {"type": "string", "pattern": "^[1-9][0-9]*h$"}


def _strict(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _object(api_version: str, kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = _strict({"name": _NAME, "namespace": _NAME})
    return _strict({"apiVersion": {"const": api_version}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})


_ISSUER = _object(
    "cert-manager.io/v1",
    "Issuer",
    {"oneOf": [_strict({"selfSigned": _strict({})}), _strict({"ca": _strict({"secretName": _NAME})})]},
)
_PRIVATE_KEY = _strict(
    {
        "algorithm": {"const": "ECDSA"},
        "size": {"enum": [256, 384, 521]},
        "rotationPolicy": {"enum": ["Always", "Never"]},
    },
    {"encoding": {"enum": ["PKCS1", "PKCS8"]}},
)
_CERTIFICATE = _object(
    "cert-manager.io/v1",
    "Certificate",
    _strict(
        {
            "secretName": _NAME,
            "duration": _DURATION,
            "renewBefore": _DURATION,
            "privateKey": _PRIVATE_KEY,
            "usages": {
                "type": "array",
                "items": {"enum": ["cert sign", "crl sign", "digital signature", "server auth", "client auth"]},
                "uniqueItems": True,
                "minItems": 1,
            },
            "issuerRef": _strict({"group": {"const": "cert-manager.io"}, "kind": {"const": "Issuer"}, "name": _NAME}),
        },
        {
            "isCA": {"type": "boolean"},
            "commonName": {"type": "string", "maxLength": 64},
            "uris": {
                "type": "array",
                "items": {"type": "string", "pattern": "^spiffe://montage/[a-z-]+$"},
                "maxItems": 1,
            },
            "dnsNames": {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9.-]+$"}, "uniqueItems": True},
        },
    ),
)
_KUSTOMIZATION = _strict(
    {
        "apiVersion": {"const": "kustomize.config.k8s.io/v1beta1"},
        "kind": {"const": "Kustomization"},
        "resources": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    },
    {"namespace": _NAME, "patches": {"type": "array", "items": _strict({"path": {"type": "string"}})}},
)
_OURS = {"Issuer": _ISSUER, "Certificate": _CERTIFICATE, "Kustomization": _KUSTOMIZATION}


def faults_of_object(found: Mapping[str, Any], *, version: str) -> list[str]:
    """What a strict reader of Kubernetes `version`, of cert-manager or of kustomize would refuse in an object."""
    kind = found["kind"]
    return list(_faults(Draft202012Validator(_OURS[kind]) if kind in _OURS else _kubernetes(found, version), found))


def faults_of_compose(found: Mapping[str, Any]) -> list[str]:
    """What the compose specification does not allow."""
    return list(_faults(_compose(), found))


def _faults(validator: Validator, found: Mapping[str, Any]) -> Iterator[str]:
    for error in validator.iter_errors(found):
        yield f"{error.json_path}: {error.message}"


def _kubernetes(found: Mapping[str, Any], version: str) -> Validator:
    group, _, of_group = found["apiVersion"].rpartition("/")
    suffix = f"{group.partition('.')[0]}-{of_group}" if group else of_group
    schema = _packaged("kubernetes_validate", f"{_folder(version)}/{found['kind'].lower()}-{suffix}.json")
    return Draft202012Validator(schema, registry=_definitions(version))


# Remembered, because a version's definitions are megabytes.
@functools.cache
def _definitions(version: str) -> Registry[Any]:
    definitions = _packaged("kubernetes_validate", f"{_folder(version)}/_definitions.json")
    return Registry().with_resource(definitions["$id"], Resource.from_contents(definitions))


@functools.cache
def _compose() -> Validator:
    schema = _packaged("check_jsonschema", "builtin_schemas/vendor/compose-spec.json")
    return validator_for(schema)(schema)


def _folder(version: str) -> str:
    return f"kubernetes-json-schema/v{version}.0-local-strict"


def _packaged(package: str, path: str) -> Any:
    return json.loads(importlib.resources.files(package).joinpath(path).read_text(encoding="utf-8"))

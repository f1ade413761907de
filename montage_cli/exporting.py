"""A pipeline as a document: always the same bytes for the same pipeline, in the order in which people write."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from montage_cli.errors import ExitCode, MontageError, Status
from montage_cli.json_values import LARGEST_INTEGER, JsonValue
from montage_cli.session import Session
from montage_cli.yaml_writer import yaml_text

_OF_PIPELINE = ("id", "title", "version", "nodes")
_OF_NODE = ("id", "type", "title", "inputs", "config", "asset")
_OF_CONFIG = ("provider",)
_OF_ASSET = ("type", "source", "content")


@dataclass(frozen=True, kw_only=True)
class ExportOrder:
    """What `montage export` was asked for."""

    pipeline: str
    """Resource name."""
    is_json: bool
    out: Path | None
    """None writes to standard output."""


async def export(session: Session, order: ExportOrder) -> ExitCode:
    document = await session.client.export_pipeline(order.pipeline)
    text = document_text(document, is_json=order.is_json)
    if order.out is None:
        click.echo(text, nl=False)
    else:
        _save(order.out, text)
        session.say(f"wrote {order.out}")
    return ExitCode.DONE


def document_text(document: Mapping[str, JsonValue], *, is_json: bool) -> str:
    """The canonical text of a document."""
    value = canonical(document)
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n" if is_json else yaml_text(value)


def canonical(document: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The same document with its keys in their order: a message's mappings have none. Nodes and inputs keep theirs."""
    ordered = _ordered(document, _OF_PIPELINE)
    nodes = ordered.get("nodes")
    if isinstance(nodes, list):
        ordered["nodes"] = [_node(node) if isinstance(node, dict) else node for node in nodes]
    return ordered


def _node(node: Mapping[str, JsonValue]) -> JsonValue:
    ordered = _ordered(node, _OF_NODE)
    config, asset = ordered.get("config"), ordered.get("asset")
    if isinstance(config, dict):
        ordered["config"] = in_order(config)
    if isinstance(asset, dict):
        ordered["asset"] = _ordered(asset, _OF_ASSET)
    return ordered


def in_order(config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A node's config as an export writes it."""
    return _ordered(config, _OF_CONFIG)


def _ordered(mapping: Mapping[str, JsonValue], first: tuple[str, ...] = ()) -> dict[str, JsonValue]:
    """`first` as far as they are there, then the rest by name."""
    keys = [*(key for key in first if key in mapping), *sorted(mapping.keys() - set(first))]
    return {key: _value(mapping[key]) for key in keys}


def _value(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return _ordered(value)
        case list():
            return [_value(item) for item in value]
        # All numbers come as doubles; whole ones are written as they were typed.
        case float() if value.is_integer() and abs(value) <= LARGEST_INTEGER:
            return int(value)
    return value


def _save(path: Path, text: str) -> None:
    """All or nothing, so that an export that fails leaves the one before."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as err:
        message = f"cannot write {path}: {err.strerror or err}"
        raise MontageError(message, status=Status.FAILED_PRECONDITION, reason="FILE_TROUBLE") from err

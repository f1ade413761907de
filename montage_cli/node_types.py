"""`montage types`: what a document may say, as the service itself tells it."""

import json
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import click
from google.protobuf.json_format import MessageToDict
from montage.v1 import node_type_pb2, resources_pb2

from montage_cli.errors import ExitCode, MontageError, Status
from montage_cli.names import last_id
from montage_cli.output import as_json, word_of, write_pairs, write_table
from montage_cli.session import Session

_PREFIX = "nodeTypes/"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


async def show(session: Session, node_type: str | None) -> ExitCode:
    """All types, or one of them, named by `merge-videos` or `nodeTypes/merge-videos`."""
    if node_type is None:
        found = await session.client.list_node_types()
        if not session.answer({"nodeTypes": [as_json(one) for one in found]}, names=[one.name for one in found]):
            rows = [(last_id(one.name), _makes(one), one.description) for one in found]
            write_table(("TYPE", "MAKES", "MEANING"), rows)
    else:
        one = await _find(session, node_type.removeprefix(_PREFIX))
        if not session.answer(as_json(one), names=[one.name]):
            _write(one)
    return ExitCode.DONE


async def _find(session: Session, name: str) -> node_type_pb2.NodeType:
    """Raises MontageError, with the name that may have been meant."""
    try:
        if _NAME.fullmatch(name):
            return await session.client.get_node_type(_PREFIX + name)
    except MontageError as err:
        if err.status is not Status.NOT_FOUND:
            raise
    known = [last_id(one.name) for one in await session.client.list_node_types()]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
    raise MontageError(f"no node type '{name}'; {hint}", status=Status.NOT_FOUND, reason="NODE_TYPE_NOT_FOUND")


def _write(one: node_type_pb2.NodeType) -> None:
    limit_s = one.start_to_close.ToTimedelta().total_seconds()
    write_pairs(
        [
            ("name", last_id(one.name)),
            ("does", one.description),
            ("makes", _makes(one)),
            ("time", f"at most {limit_s / 60:g} min from start to close"),
            ("attempts", str(one.max_attempts)),
        ]
    )
    if one.slots:
        click.echo()
        rows = [(slot.name, _words(slot.accepts), _count(slot), slot.description) for slot in one.slots]
        write_table(("SLOT", "TAKES", "NODES", "MEANING"), rows)
    if one.config_fields:
        click.echo()
        fields = [(field.name, _kind(field), _default(field), _allowed(field), field.description)
                  for field in one.config_fields]  # fmt: skip
        write_table(("FIELD", "KIND", "DEFAULT", "ALLOWED", "MEANING"), fields)


def _makes(one: node_type_pb2.NodeType) -> str:
    return _words([one.makes]) if one.makes else "what its asset says"


def _words(kinds: Sequence[resources_pb2.MediaType]) -> str:
    return ", ".join(word_of(resources_pb2.MediaType, kind) for kind in kinds)


def _count(slot: node_type_pb2.Slot) -> str:
    if slot.max_count == 1:
        return "1" if slot.min_count else "0 or 1"
    return f"{slot.min_count} to {slot.max_count}"


def _kind(field: node_type_pb2.ConfigField) -> str:
    return word_of(node_type_pb2.ConfigFieldKind, field.kind)


def _default(field: node_type_pb2.ConfigField) -> str:
    if field.required:
        return "required"
    value: Any = MessageToDict(field.default_value) if field.HasField("default_value") else None
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def _allowed(field: node_type_pb2.ConfigField) -> str:
    limits = [*field.allowed_values]
    limits += [f"of {one.provider}: {', '.join(one.values)}" for one in field.values_by_provider]
    least, most = field.HasField("minimum"), field.HasField("maximum")
    if least and most:
        limits.append(f"{field.minimum:g} to {field.maximum:g}")
    elif least:
        limits.append(f"at least {field.minimum:g}")
    elif most:
        limits.append(f"at most {field.maximum:g}")
    if field.HasField("multiple_of"):
        limits.append("even" if field.multiple_of == 2 else f"a multiple of {field.multiple_of}")
    if field.HasField("max_length"):
        limits.append(f"at most {field.max_length} characters")
    return ", ".join(limits) or "any"

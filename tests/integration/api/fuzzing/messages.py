"""Messages of any type, from their descriptors: mostly of the right shape, with wrong values in places."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from tests.integration.api.answers import message_class
from tests.integration.api.fuzzing.documents import document
from tests.integration.api.fuzzing.values import FLOATS, INT32S, INT64S, TEXTS, deep, json_value

PATHS = ("title", "version", "labels", "inputs", "config", "retry", "asset")
WISHED: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("etag", "filter", "order_by", "plan_digest", "sha256", "node_uid"), ("",)),
    "montage.v1.Pipeline.name": ("pipelines/film",),
    "montage.v1.Node.name": ("pipelines/film/nodes/a", "pipelines/film/nodes/b", "pipelines/film/nodes/text"),
    "montage.v1.CreateAssetRequest.sha256": ("0" * 64, "a" * 64),
    "montage.v1.ReportExternalRequest.executor_type": ("", "noop", "merge-videos"),
    "montage.v1.GetNodeTypeMetricsRequest.type": ("noop", "asset", "nothing"),
    "montage.v1.IngestWebhookRequest.source": ("github", "github", "discourse", "nobody"),
    "montage.v1.ListWebhookEventsRequest.source": ("", "github", "nobody"),
    "owner": ("default", "users/1"),
    "vendor": ("heygen", "openai"),
    "montage.v1.Node.type": ("noop", "asset", "generate-voiceover", "merge-videos"),
    "nodes": ("pipelines/film/nodes/a", "pipelines/film/nodes/text"),
    "targets": ("pipelines/film/nodes/a", "pipelines/film/nodes/cut"),
    "slot": ("after", "script", "segments"),
    "source": ("", "https://example.test/clip.mp4"),
    "content": ("", "Hello."),
    "montage.v1.Output.sha256": ("", "", "", "0" * 64, "f"),
    "montage.v1.Output.content": ("", "", "{}", "{}", "x" * 5000),
    "content_type": ("video/mp4", "application/json"),
    "error_type": ("invalid_input", "lambda_error", "internal", ""),
    "key": ("job",),
    "value": ("1", "1", "1", "v" * 5000),
}
WORDS = ("film", "a", "b", "other", "r1", "r2", "clip.mp4", "title")


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes messages. `texts` are names and ids of what exists, `wished` is what fits into fields by their names."""

    rng: Random
    texts: Sequence[str]
    wished: Mapping[str, Sequence[Any]]
    spoiled: float
    """Share of values that are chosen without regard to what is wanted."""

    def message(self, kind: Descriptor, *, depth: int = 0) -> Message:
        made = message_class(kind)()
        match kind.full_name:
            case "google.protobuf.Struct":
                self._struct(made, depth)
            case "google.protobuf.FieldMask":
                paths = ("", "*", "name", "title.x", "Title") if self._spoils() else PATHS
                made.paths.extend(self.rng.choices(paths, k=self.rng.randrange(3)))  # type: ignore[attr-defined]
            case "google.protobuf.Duration" | "google.protobuf.Timestamp":
                spoils = self._spoils()
                made.seconds = self.rng.choice(INT64S if spoils else (0, 1, 60, 604_800))  # type: ignore[attr-defined]
                made.nanos = self.rng.choice(INT32S if spoils else (0, 5))  # type: ignore[attr-defined]
            case _:
                self._fields(made, kind, depth)
        return made

    def spoil_one(self, message: Any) -> None:
        """Put one wrong value into a message that may be good."""
        given = message.ListFields()
        if not given or message.DESCRIPTOR.full_name.startswith("google.protobuf."):
            return
        field, value = self.rng.choice(given)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value[self.rng.choice(TEXTS)] = self.rng.choice(TEXTS)
        elif field.message_type is not None and self.rng.random() < 0.9:
            self.spoil_one(self.rng.choice(value) if field.is_repeated else value)
        else:
            message.ClearField(field.name)
            replace(self, spoiled=1.0)._set(message, field, depth=9)

    def _fields(self, made: Message, kind: Descriptor, depth: int) -> None:
        chosen = {oneof.name: self.rng.choice(oneof.fields).name for oneof in kind.oneofs}
        for field in kind.fields:
            oneof = field.containing_oneof
            if oneof is not None and chosen[oneof.name] != field.name:
                continue
            if depth < 9 and self.rng.random() < (0.7 if self.spoiled else 0.9):
                self._set(made, field, depth)

    def _set(self, made: Any, field: FieldDescriptor, depth: int) -> None:
        if field.is_repeated:
            self._repeat(getattr(made, field.name), field, depth)
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(self.message(field.message_type, depth=depth + 1))
        else:
            setattr(made, field.name, self._scalar(field))

    def _repeat(self, values: Any, field: FieldDescriptor, depth: int) -> None:
        count = self.rng.choice((0, 1, 1, 2, 3)) if self.rng.random() > 0.02 else 300
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            for _ in range(count):
                values[self._scalar(entry.fields_by_name["key"])] = self._scalar(entry.fields_by_name["value"])
        elif entry is not None:
            values.extend(self.message(entry, depth=depth + 1) for _ in range(count))
        else:
            values.extend(self._scalar(field) for _ in range(count))

    def _spoils(self) -> bool:
        return self.rng.random() < self.spoiled

    def _scalar(self, field: FieldDescriptor) -> Any:
        spoils, choose = self._spoils(), self.rng.choice
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
                return self.rng.randbytes(self.rng.randrange(20))
            case FieldDescriptor.CPPTYPE_STRING:
                return choose(TEXTS) if spoils else choose(self._fitting(field))
            case FieldDescriptor.CPPTYPE_BOOL:
                return choose((True, False))
            case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
                return choose(FLOATS if spoils else (0.0, 0.5, 1.0))
            case FieldDescriptor.CPPTYPE_ENUM:
                numbers = [value.number for value in field.enum_type.values]  # type: ignore[union-attr]
                return choose((99, -1, 0)) if spoils else choose(numbers[1:])
            case FieldDescriptor.CPPTYPE_INT32:
                return choose(INT32S if spoils else (0, 1, 1, 2, 25))
            case _:
                return choose(INT64S if spoils else self.wished.get(field.name, (0, 1, 2, 10)))

    def _fitting(self, field: FieldDescriptor) -> Sequence[str]:
        """What is asked for: by its name, or by the pattern that the contract demands."""
        for name in (field.full_name, field.name):
            for wishes in (self.wished, WISHED):
                if name in wishes:
                    return wishes[name]
        wanted = re.compile(_pattern(field))
        return [text for text in (*self.texts, *WORDS) if wanted.search(text)] or TEXTS

    def _struct(self, made: Any, depth: int) -> None:
        kind = self.rng.random()
        if depth == 1 and kind < 0.7:
            made.update(document(self.rng, self.rng.choice(("film", "other"))))
        elif kind < 0.8:
            made.update({"provider": "local", "nonce": self.rng.choice(TEXTS)})
        elif kind < 0.9:
            made.update(deep(self.rng))
        else:
            made.update({self.rng.choice(TEXTS): json_value(self.rng) for _ in range(3)})


def _pattern(field: FieldDescriptor) -> str:
    """What the contract demands of a text; everything fits where it demands nothing."""
    for extension, rules in field.GetOptions().ListFields():
        if extension.full_name == "buf.validate.field":
            return rules.string.pattern or ("^[0-9a-f]{8}-[0-9a-f-]{27}$" if rules.string.uuid else "")
    return ""

"""YAML as far as JSON goes: mappings, lists, text, numbers, booleans, null; anchors and aliases in reason.

Built on the parser's events instead of PyYAML's loaders, because those resolve dates, octal numbers and `yes`,
overwrite repeated keys, forget lines and recurse as deep as the document says.
"""

from dataclasses import dataclass, field

import yaml

from montage_cli.json_values import MAX_DEPTH, MAX_VALUES, JsonValue, Unreadable
from montage_cli.problems import Problem
from montage_cli.yaml_scalars import InvalidScalar, plain_value

_MAX_PROBLEMS = 100


def read_yaml(text: str) -> tuple[JsonValue, dict[str, int]]:
    """The value of the one document in `text` and the line of every path in it. Raises Unreadable."""
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.reader.ReaderError as err:
        line = text.count("\n", 0, err.position) + 1
        raise Unreadable(Problem(message=f"is not YAML: {err.reason}", line=line)) from err
    except yaml.MarkedYAMLError as err:
        raise Unreadable(_syntax_problem(err)) from err
    if builder.problems:
        raise Unreadable(*builder.problems)
    if builder.root is None:
        raise Unreadable(Problem(message="the document is empty", line=1))
    unfolding = _Unfolding()
    return unfolding.value_of(builder.root, "", builder.root.line, depth=0), unfolding.lines


@dataclass(kw_only=True)
class _Node:
    """A node of the document. Aliases share it, so that it is small however often it is meant."""

    line: int
    place: str
    value: JsonValue = None
    items: "list[_Node] | None" = None
    entries: "dict[str, tuple[int, _Node]] | None" = None
    """By key: the line of the key, and the value."""
    key: "tuple[str, int] | None" = field(default=None)
    """The key whose value comes next, while the mapping is read."""
    is_open: bool = False

    def next_place(self) -> str:
        if self.items is not None:
            return f"{self.place}[{len(self.items)}]"
        key = self.key[0] if self.key else ""
        return f"{self.place}.{key}" if self.place and key else self.place or key


class _Builder:
    """Makes nodes of events and collects what is not allowed."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self.problems: list[Problem] = []
        self._open: list[_Node] = []
        self._anchors: dict[str, _Node] = {}

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                self._complain("expected one document, found another", event)
                # Whatever follows belongs to another document.
                raise Unreadable(*self.problems)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.CollectionStartEvent():
                self._start(event)
            case yaml.CollectionEndEvent():
                self._open.pop().is_open = False
        if len(self.problems) >= _MAX_PROBLEMS:
            raise Unreadable(*self.problems)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        node = self._node(event)
        node.value = event.value
        # Quoted and block text is text, whatever it looks like.
        if not event.style:
            try:
                node.value = plain_value(event.value)
            except InvalidScalar as err:
                self._complain(str(err), event)
        self._attach(node, event)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        node = self._node(event)
        if isinstance(event, yaml.SequenceStartEvent):
            node.items = []
        else:
            node.entries = {}
        node.is_open = True
        self._attach(node, event)
        self._open.append(node)
        if len(self._open) > MAX_DEPTH:
            self._complain(f"lists and mappings are nested more than {MAX_DEPTH} deep", event)
            raise Unreadable(*self.problems)

    def _alias(self, event: yaml.AliasEvent) -> None:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            self._complain(f"no anchor '&{event.anchor}' before this alias", event)
            node = self._node(event)
        elif node.is_open:
            self._complain(f"the alias '*{event.anchor}' stands inside what it means", event)
            node = self._node(event)
        self._attach(node, event)

    def _node(self, event: yaml.NodeEvent) -> _Node:
        node = _Node(line=_position(event)[0], place=self._open[-1].next_place() if self._open else "")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            if event.tag is not None:
                self._complain(f"tags are not allowed, found '{event.tag}'", event)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
        return node

    def _attach(self, node: _Node, event: yaml.NodeEvent) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._key_of(node, event), _position(event)[0]
            if parent.entries is not None and parent.key[0] in parent.entries:
                earlier = parent.entries[parent.key[0]][0]
                self._complain(f"the key '{parent.key[0]}' is in line {earlier} already", event)
        else:
            key, line = parent.key
            parent.key = None
            if parent.entries is not None:
                parent.entries.setdefault(key, (line, node))

    def _key_of(self, node: _Node, event: yaml.NodeEvent) -> str:
        if node.items is not None or node.entries is not None:
            self._complain("a key must be text, found a list or a mapping", event)
        elif not isinstance(node.value, str):
            self._complain(f"a key must be text, found {node.value!r}; put it in quotes", event)
        elif node.value == "<<" and isinstance(event, yaml.ScalarEvent) and not event.style:
            self._complain("merge keys (<<) are not supported; write the fields out", event)
        else:
            return node.value
        # Stands for the key until the problem is reported; no two are equal.
        return "?{}:{}".format(*_position(event))

    def _complain(self, message: str, event: yaml.Event) -> None:
        place = self._open[-1].next_place() if self._open else ""
        line, column = _position(event)
        self.problems.append(Problem(message=message, place=place, line=line, column=column))


class _Unfolding:
    """Makes plain values of nodes, aliases written out, and notes the line of every place."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}

    def value_of(self, node: _Node, place: str, line: int, *, depth: int) -> JsonValue:
        self.lines[place] = line
        if len(self.lines) > MAX_VALUES:
            raise Unreadable(Problem(message=f"the document has more than {MAX_VALUES} values", place=place, line=line))
        if depth > MAX_DEPTH:
            message = f"lists and mappings are nested more than {MAX_DEPTH} deep"
            raise Unreadable(Problem(message=message, place=place, line=line))
        if node.items is not None:
            return [
                self.value_of(item, f"{place}[{index}]", item.line, depth=depth + 1)
                for index, item in enumerate(node.items)
            ]
        if node.entries is not None:
            prefix = f"{place}." if place else ""
            return {
                key: self.value_of(value, f"{prefix}{key}", at, depth=depth + 1)
                for key, (at, value) in node.entries.items()
            }
        return node.value


def _position(event: yaml.Event) -> tuple[int, int]:
    """Line and column, both from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return Problem(
        message=f"is not YAML: {words}",
        line=mark.line + 1 if mark else None,
        column=mark.column + 1 if mark else None,
    )

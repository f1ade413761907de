"""What the commands take in common: names, ways of writing, and how a session is opened for them."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from montage_cli.formats import Format
from montage_cli.names import InvalidName, Kind, Name, parse_name

if TYPE_CHECKING:
    from montage_cli.session import Session

Command = TypeVar("Command", bound=Callable[..., Any])

_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}(=[A-Za-z0-9_.-]{0,63})?")
"""As the contract has it."""
_DOCUMENT_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


class NameType(click.ParamType[Name]):
    """PIPELINE, PIPELINE/NODE, or a full resource name."""

    name = "name"

    def __init__(self, *kinds: Kind) -> None:
        """With `kinds` only names of these are taken."""
        self._kinds = kinds

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        if isinstance(value, Name):
            return value
        try:
            name = parse_name(str(value))
        except InvalidName as err:
            self.fail(str(err), param, ctx)
        if self._kinds and name.kind not in self._kinds:
            expected = " or ".join(f"a {kind}" for kind in self._kinds)
            article = "an" if name.kind is Kind.EXECUTION else "a"
            self.fail(f"expected {expected}; '{value}' names {article} {name.kind}", param, ctx)
        return name


def output_option(*formats: Format) -> Callable[[Command], Command]:
    """`-o`: a table, JSON, YAML or names; `formats` are given where it cannot be all of them."""
    offered = formats or tuple(Format)
    return click.option(
        "-o",
        "--output",
        type=click.Choice([str(one) for one in offered]),
        default=str(Format.TABLE),
        callback=lambda _context, _parameter, value: Format(value),
        help="All but a table print nothing else on stdout.",
    )


def out_option(command: Command) -> Command:
    folder = click.Path(path_type=Path, file_okay=False)
    return click.option("--out", type=folder, default="out", show_default=True, help="Folder for downloads.")(command)


NAMELESS = (Format.TABLE, Format.JSON, Format.YAML)
"""For answers that are no resources."""


def targets_option(command: Command) -> Command:
    """`--node`, also called `--target`."""
    return click.option(
        "--node",
        "--target",
        "targets",
        metavar="NODE",
        multiple=True,
        help="Bring this node up to date; may be repeated.",
    )(command)


def filter_option(fields: str) -> Callable[[Command], Command]:
    """`--filter`; `fields` are those that the list knows."""
    return click.option(
        "--filter", "where", metavar="FILTER", default="", help=f'Only what fits, for example "{fields}".'
    )


def label_option(command: Command) -> Command:
    """`-l KEY=VALUE` or `-l KEY`, may be repeated; all must fit."""
    return click.option(
        "-l",
        "--label",
        "labels",
        metavar="KEY[=VALUE]",
        multiple=True,
        callback=_labels_of,
        help="Only with this label; may be repeated.",
    )(command)


def _labels_of(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Others than these no label can have, and the filter that is made of them would mean something else."""
    for one in given:
        if not _LABEL.fullmatch(one):
            expected = (
                "a key of a-z, 0-9, '_' and '-', a value of letters, digits, '_', '.' and '-', of at most 63 each"
            )
            raise click.BadParameter(f"expected KEY or KEY=VALUE, {expected}; found '{one}'", context, parameter)
    return given


def order_option(command: Command) -> Command:
    return click.option("--order-by", metavar="ORDER", default="", help='For example "create_time desc".')(command)


def where_of(where: str, labels: Iterable[str]) -> str:
    """One filter of a filter and labels, all of which must fit."""
    terms = [f"({where})"] if where else []
    for label in labels:
        key, has_value, value = label.partition("=")
        terms.append(f'labels.{key} = "{value}"' if has_value else f"labels:{key}")
    # A filter that stands alone stays as it was typed: its errors name columns.
    return where if where and len(terms) == 1 else " AND ".join(terms)


def pairs_of(context: click.Context, parameter: click.Parameter, given: Iterable[str]) -> dict[str, str]:
    """Click's callback for options that are repeated `KEY=VALUE`."""
    pairs = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"expected KEY=VALUE, found '{one}'", context, parameter)
        pairs[key] = value
    return pairs


def is_document(text: str) -> bool:
    """Whether `run` was given a document; a word that could be a pipeline's id is one."""
    if Path(text).suffix.lower() in _DOCUMENT_SUFFIXES:
        return True
    try:
        parse_name(text)
    except InvalidName:
        return True
    return "/" in text and not text.startswith("pipelines/") and Path(text).is_file()


def open_session(context: click.Context, form: Format = Format.TABLE) -> "Session":
    """The session of one command. Importing it takes half a second, so nothing before may need it."""
    from montage_cli.session import Session

    return Session(variables=context.obj, form=form)

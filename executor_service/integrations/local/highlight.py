"""Source text as coloured characters on a grid."""

from dataclasses import dataclass

from pygments import lex
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename, guess_lexer
from pygments.lexers.special import TextLexer
from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, Operator, Punctuation, String
from pygments.token import _TokenType as TokenType
from pygments.util import ClassNotFound

from executor_service.integrations.local.errors import invalid_input
from executor_service.integrations.local.lettering import Ink

_TAB_COLUMNS = 4


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of a window with code."""

    panel: Ink
    bar: Ink
    active_line: Ink
    border: Ink
    text: Ink
    quiet: Ink
    cursor: Ink
    tokens: dict[TokenType, Ink]

    def ink(self, kind: TokenType) -> Ink:
        """The colour of a token, or of the nearest kind above it."""
        nearest: TokenType | None = kind
        while nearest is not None:
            if nearest in self.tokens:
                return self.tokens[nearest]
            nearest = nearest.parent
        return self.text


@dataclass(frozen=True, kw_only=True)
class Glyph:
    """One character at its place; a newline stands at the end of its line."""

    character: str
    line: int
    column: int
    ink: Ink


def glyphs(code: str, *, title: str, language: str, theme: Theme) -> list[Glyph]:
    """Highlight a text. Raises LocalVendorError when the language is unknown."""
    placed = []
    line = column = 0
    for kind, text in lex(_tidy(code), _lexer(code, title=title, language=language)):
        for character in text:
            placed.append(Glyph(character=character, line=line, column=column, ink=theme.ink(kind)))
            line, column = (line + 1, 0) if character == "\n" else (line, column + 1)
    while placed and placed[-1].character == "\n":
        placed.pop()
    return placed


def theme_named(name: str) -> Theme:
    """`dark` or `light`."""
    return _light() if name == "light" else _dark()


def _tidy(code: str) -> str:
    lines = code.expandtabs(_TAB_COLUMNS).splitlines()
    printable = ["".join(c if c.isprintable() else "?" for c in line.rstrip()) for line in lines]
    return "\n".join(printable).strip("\n") + "\n"


def _lexer(code: str, *, title: str, language: str) -> Lexer:
    options = {"stripnl": False, "ensurenl": False}
    if language:
        try:
            return get_lexer_by_name(language, **options)
        except ClassNotFound as err:
            raise invalid_input(f"no highlighting for the language {language!r}; leave it out to guess") from err
    try:
        return get_lexer_for_filename(title, code, **options) if title else guess_lexer(code, **options)
    except ClassNotFound:
        return TextLexer(**options)


def _dark() -> Theme:
    return Theme(
        panel=(20, 22, 40), bar=(31, 34, 58), active_line=(38, 42, 70), border=(116, 120, 168), text=(222, 226, 240),
        quiet=(104, 110, 148), cursor=(255, 196, 112),
        tokens=_tokens(
            keyword=(190, 158, 255), string=(152, 222, 158), number=(255, 180, 124), name=(126, 202, 255),
            tag=(94, 214, 196), comment=(122, 128, 166), sign=(170, 176, 208), wrong=(255, 130, 130),
        ),
    )  # fmt: skip


def _light() -> Theme:
    return Theme(
        panel=(250, 250, 253), bar=(232, 233, 243), active_line=(235, 237, 248), border=(255, 255, 255),
        text=(40, 44, 66), quiet=(158, 162, 184), cursor=(226, 108, 64),
        tokens=_tokens(
            keyword=(124, 66, 200), string=(38, 130, 74), number=(196, 92, 22), name=(24, 104, 190),
            tag=(10, 128, 122), comment=(136, 142, 164), sign=(96, 102, 130), wrong=(198, 48, 58),
        ),
    )  # fmt: skip


def _tokens(
    *, keyword: Ink, string: Ink, number: Ink, name: Ink, tag: Ink, comment: Ink, sign: Ink, wrong: Ink
) -> dict[TokenType, Ink]:
    return {
        Keyword: keyword,
        Operator.Word: keyword,
        String: string,
        Literal: string,
        Number: number,
        Keyword.Constant: number,
        Name.Function: name,
        Name.Class: name,
        Name.Decorator: name,
        Name.Builtin: name,
        Name.Tag: tag,
        Name.Attribute: tag,
        Comment: comment,
        Operator: sign,
        Punctuation: sign,
        Generic.Deleted: wrong,
        Generic.Inserted: string,
    }

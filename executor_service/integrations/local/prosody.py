"""Turns written text into lines to speak: one sentence a line, an empty line where a paragraph ends."""

import re

_SENTENCE_END = re.compile("(?<=[.!?\u2026])[\"'\u201d\u2019)]*\\s+(?=[\"'\u201c\u2018(]?[^\\sa-z])")
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_MARKUP = re.compile(r"[*_`#<>|]+")
_MAX_LINE_CHARS = 600


def spoken_lines(text: str) -> list[str]:
    """The sentences of a text in order, with an empty line between paragraphs; empty when nothing can be said."""
    lines: list[str] = []
    for paragraph in _PARAGRAPH_END.split(text):
        sentences = _sentences(paragraph)
        if sentences and lines:
            lines.append("")
        lines.extend(sentences)
    return lines


def _sentences(paragraph: str) -> list[str]:
    plain = " ".join(_MARKUP.sub(" ", paragraph).split())
    sentences = [piece.strip() for piece in _SENTENCE_END.split(plain)]
    return [part for sentence in sentences if _can_be_said(sentence) for part in _parts(sentence)]


def _parts(sentence: str) -> list[str]:
    """Cut what is too long for one breath at a space; a text without full stops must not become one request."""
    parts = []
    while len(sentence) > _MAX_LINE_CHARS:
        cut = sentence.rfind(" ", 0, _MAX_LINE_CHARS)
        cut = cut if cut > 0 else _MAX_LINE_CHARS
        parts.append(sentence[:cut])
        sentence = sentence[cut:].strip()
    return [*parts, sentence]


def _can_be_said(sentence: str) -> bool:
    return any(character.isalnum() for character in sentence)

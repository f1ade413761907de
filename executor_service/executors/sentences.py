"""Cuts a text where a speaker would take breath."""

import re

_ENDS = (r"\n\s*\n", r"[.!?…。！？][\"'”’»)\]]*\s", r"[;:,，、]\s", r"\s")  # noqa: RUF001 - marks of other scripts
"""Where a part may end, the best first: paragraph, sentence, clause, word."""


def parts(text: str, *, limit: int) -> list[str]:
    """The text in as few parts of at most `limit` characters as sentences allow; a word that is longer is cut."""
    rest, found = text.strip(), []
    while len(rest) > limit:
        end = _last_end(rest, limit)
        found.append(rest[:end].strip())
        rest = rest[end:].strip()
    return [*found, rest] if rest else found


def _last_end(text: str, limit: int) -> int:
    # One more, so that a sentence may end exactly at the limit.
    window = text[: limit + 1]
    for pattern in _ENDS:
        ends = [match.end() for match in re.finditer(pattern, window)]
        # A part of a few words would sound like one: rather the next best place.
        fitting = [end for end in ends if len(text[:end].rstrip()) <= limit and end > limit // 4]
        if fitting:
            return fitting[-1]
    return limit

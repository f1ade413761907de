"""Takes secrets out of what tools print, before it is kept or logged."""

import re

import msgspec

MASK = "***"

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

# Every pattern takes time in proportion to the text, whatever the text is: see the possessive quantifiers.
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*+(?<=PRIVATE KEY))-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_BEARER = re.compile(r"\b(bearer|basic)\s++[A-Za-z0-9._~+/=-]{8,}+", re.IGNORECASE)
# Access key ids of AWS: long-lived and temporary.
_AWS_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
# `name=value` and `name: value`, whatever the name begins with; in JSON inside a text a quote follows it.
_ASSIGNED = re.compile(
    r"""((?:password|passwd|passphrase|secret|token|key|credential)["']?\s*+[=:]\s*+)"""
    r"""("(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|[^\s,;&"']++)""",
    re.IGNORECASE,
)
# Members of JSON are named with more care than words are written: `key`, `s3_key` and `total_tokens` are no secrets.
_SECRET_MEMBER = re.compile(
    r".*(?:password|passwd|passphrase|secret|token|credentials?|(?:api|access|secret|private)[_-]?key)",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text with every secret that can be told by its look or its name replaced."""
    text = _BLOCK.sub(rf"-----BEGIN \1-----{MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _AWS_KEY_ID.sub(MASK, text)
    return _ASSIGNED.sub(rf"\1{MASK}", text)


def masked_content(content: str) -> str:
    """The same for a whole content: one that is JSON stays JSON, and one without secrets stays as it is."""
    if masked(content) == content:
        return content
    try:
        return msgspec.json.encode(masked_json(msgspec.json.decode(content))).decode()
    except ValueError:
        return masked(content)


def masked_json(value: Json) -> Json:
    """The same for every text of a JSON value, and for every text whose member is named like a secret."""
    match value:
        case str():
            return masked(value)
        case list():
            return [masked_json(one) for one in value]
        case dict():
            return {masked(name): _member(name, member) for name, member in value.items()}
        case _:
            return value


def _member(name: str, value: Json) -> Json:
    return MASK if isinstance(value, str) and _SECRET_MEMBER.fullmatch(name) else masked_json(value)

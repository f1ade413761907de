"""Documents that are nearly right."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.factories import a_document, noop
from tests.integration.api.fuzzing.values import TEXTS, deep, json_value

Json = Any


def document(rng: Random, pipeline: str) -> dict[str, Json]:
    """A document with up to three mistakes, or with one large one."""
    if rng.random() < 0.1:
        return rng.choice(LARGE)(rng, pipeline)
    made = good_document(pipeline)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        _spoil(made, rng)
    return made


def good_document(pipeline: str) -> dict[str, Json]:
    local = {"config": {"provider": "local"}}
    nodes = (
        {"id": "text", "type": "asset", "title": "A text", "asset": {"type": "text", "content": "Hello."}},
        {"id": "voice", "type": "generate-voiceover", "inputs": {"script": ["text"]}, **local},
        {"id": "one", "type": "generate-animation", "title": "One", **local},
        {"id": "two", "type": "generate-animation", "title": "Two", **local},
        {"id": "cut", "type": "merge-videos", "inputs": {"segments": ["one", "two"]}, "config": {"provider": "ffmpeg"}},
        noop("a") | {"retry": {"maxAttempts": 5, "backoffCoefficient": 1.5, "initialInterval": 1, "maxInterval": 60}},
        noop("b", "a") | {"labels": {"take": "2"}, "retry": {"jitter": 0.5}},
        {"id": "clip", "type": "asset", "asset": {"type": "video", "source": "https://example.test/clip.mp4"}},
    )
    return a_document(*nodes, document_id=pipeline) | {"version": "1", "labels": {"team": "red"}}


def _spoil(value: Json, rng: Random) -> None:
    """Change one thing somewhere below an object or a list."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if not isinstance(value[key], dict | list) or rng.random() < 0.3:
            break
        value = value[key]
    match rng.randrange(4):
        case 0:
            del value[key]
        case 1 if isinstance(value, list):
            value.append(value[key])
        case 1:
            value[rng.choice(TEXTS)] = value[key]
        case 2:
            value[key] = rng.choice((*TEXTS, "a", "b", "text", "cut", "voice", "noop", "asset"))
        case _:
            value[key] = json_value(rng)


def _chain(count: int) -> Callable[[Random, str], dict[str, Json]]:
    def make(_rng: Random, pipeline: str) -> dict[str, Json]:
        nodes = (noop(f"n{number}", *([f"n{number - 1}"] if number else [])) for number in range(count))
        return a_document(*nodes, document_id=pipeline)

    return make


def _dense(_rng: Random, pipeline: str) -> dict[str, Json]:
    """10,001 edges: one more than there may be."""
    sources = [f"s{number}" for number in range(64)]
    sinks = [noop(f"t{number}", *sources) for number in range(156)]
    more = noop("last", *sources[:17])
    return a_document(*(noop(source) for source in sources), *sinks, more, document_id=pipeline)


def _circle(_rng: Random, pipeline: str) -> dict[str, Json]:
    return a_document(*(noop(f"n{number}", f"n{(number + 1) % 1000}") for number in range(1000)), document_id=pipeline)


def _itself(_rng: Random, pipeline: str) -> dict[str, Json]:
    return a_document(noop("a", "a"), document_id=pipeline)


def _twins(_rng: Random, pipeline: str) -> dict[str, Json]:
    return a_document(noop("a"), noop("a"), noop("b", "a"), document_id=pipeline)


def _deep_config(rng: Random, pipeline: str) -> dict[str, Json]:
    return a_document(noop("a", nonce=deep(rng)), document_id=pipeline)


LARGE = (_chain(1000), _chain(2001), _dense, _circle, _itself, _twins, _deep_config, _deep_config, _deep_config)

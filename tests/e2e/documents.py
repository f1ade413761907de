"""Documents of tests: a film of two seconds that goes through every service, and graphs that do nothing."""

from typing import Any

from tests.factories import a_document, noop

Document = dict[str, Any]

FFMPEG = {"provider": "ffmpeg"}
LAMBDA_NODES = ("joined", "spoken", "film")
LOCAL_NODES = ("voice", "dawn", "dusk")
SCRIPT = "Hello, this is a test."


def a_film(document_id: str, **changed: Document) -> Document:
    """Two animations joined, a voice over them, and one of them again as a small picture.

    `changed` are fields by node id that replace those of the document, or further nodes.
    """
    nodes: list[Document] = [
        {"id": "script", "type": "asset", "asset": {"type": "text", "content": SCRIPT}},
        {
            "id": "voice",
            "type": "generate-voiceover",
            "inputs": {"script": ["script"]},
            "config": {"provider": "local"},
        },
        animation("dawn"),
        animation("dusk"),
        {"id": "joined", "type": "merge-videos", "inputs": {"segments": ["dawn", "dusk"]}, "config": FFMPEG},
        {
            "id": "spoken",
            "type": "mix-audio",
            "inputs": {"video": ["joined"], "audio": ["voice"]},
            "config": {**FFMPEG, "mode": "replace"},
        },
        {
            "id": "film",
            "type": "compose-video",
            "inputs": {"background": ["spoken"], "overlay": ["dawn"]},
            "config": {**FFMPEG, "rounded": True},
        },
    ]
    known = {node["id"] for node in nodes}
    nodes = [node | changed.get(node["id"], {}) for node in nodes]
    nodes += [{"id": node_id, **fields} for node_id, fields in changed.items() if node_id not in known]
    return {"id": document_id, "title": "A small film", "nodes": nodes}


def a_merge(document_id: str) -> Document:
    """A short way through Lambda: two animations, whose shapes differ so that FFmpeg has to encode, and one merge."""
    merge = {"id": "film", "type": "merge-videos", "inputs": {"segments": ["dawn", "dusk"]}, "config": FFMPEG}
    upright = animation("dusk", aspectRatio="9:16")
    return {"id": document_id, "title": "Two of a day", "nodes": [animation("dawn"), upright, merge]}


def animation(node_id: str, **more: str) -> Document:
    """One second of moving type in a square, the shape with the fewest pixels."""
    config = {"provider": "local", "duration": 1, "aspectRatio": "1:1", **more}
    return {"id": node_id, "type": "generate-animation", "title": node_id.title(), "config": config}


def a_chain(document_id: str, *, length: int) -> Document:
    """`n1` → `n2` → …: each does nothing, after the one before it."""
    nodes = [noop(f"n{number}", *([f"n{number - 1}"] if number > 1 else [])) for number in range(1, length + 1)]
    return a_document(*nodes, document_id=document_id)


def a_crowd(document_id: str, *, size: int, seconds: float = 0) -> Document:
    """Pairs of nodes, the second after the first, and one at the end; `seconds` is how long each second one takes."""
    first = [noop(f"a{number}") for number in range(size)]
    second = [noop(f"b{number}", f"a{number}", seconds=seconds) for number in range(size)]
    end = noop("end", *(f"b{number}" for number in range(size)))
    return a_document(*first, *second, end, document_id=document_id)


def a_ladder(document_id: str, *, width: int, depth: int, seconds: float) -> Document:
    """Rows of nodes, each after two of the row above it."""
    nodes = [noop(f"r0-{column}", seconds=seconds) for column in range(width)]
    for row in range(1, depth):
        for column in range(width):
            above = (f"r{row - 1}-{column}", f"r{row - 1}-{(column + 1) % width}")
            nodes.append(noop(f"r{row}-{column}", *above, seconds=seconds))
    return a_document(*nodes, document_id=document_id)

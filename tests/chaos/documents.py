"""What the load runs: small films whose nodes wait for a vendor or a caller, and joins by the media function."""

import random
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.graphs import VIDEO_DAG
from tests.e2e.documents import FFMPEG

Document = dict[str, Any]

BOUGHT, CALLED_BACK = 2, 3
"""Nodes of each film that are bought, and that are called back about: half of them wait for somebody outside."""
VENDOR_S = (1.0, 2.5)
CLIPS = ("first", "second")


def films(*, seed: int, caller: str) -> Iterator[Document]:
    """For ever; `caller` is the address of a vendor that calls back."""
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        yield a_film(f"film-{number}", chance=chance, caller=caller)


def a_film(pipeline_id: str, *, chance: random.Random, caller: str) -> Document:
    """Ten nodes on five levels. Each has a nonce, under which it is found again on the vendor's bill."""
    nodes = list(VIDEO_DAG)
    waiting = chance.sample(nodes, BOUGHT + CALLED_BACK)
    bought, called_back = waiting[:BOUGHT], waiting[BOUGHT:]

    def config(node: str) -> Document:
        nonce = {"nonce": f"{pipeline_id}/{node}"}
        if node in bought:
            return {"provider": "ledger", "seconds": round(chance.uniform(*VENDOR_S), 3), **nonce}
        if node in called_back:
            return {"provider": "local", "vendor": caller, **nonce}
        if chance.random() < 0.5:
            return {"provider": "local", "inline": True, **nonce}
        return {"provider": "local", "seconds": round(chance.uniform(0, 0.3), 3), **nonce}

    return {
        "id": pipeline_id,
        "nodes": [
            {
                "id": node,
                "type": "noop",
                "inputs": {"after": list(sources)} if sources else {},
                "config": config(node),
            }
            for node, sources in VIDEO_DAG.items()
        ],
    }


def edited(film: Document) -> Document:
    """The same film with another nonce in one node that waits, so that what it waits for is not wanted any more."""
    nodes = [dict(node) for node in film["nodes"]]
    chosen = next(node for node in nodes if "vendor" in node["config"])
    chosen["config"] = {**chosen["config"], "nonce": f"{chosen['config']['nonce']}/edited"}
    return {**film, "nodes": nodes}


def a_join(number: int, sources: Mapping[str, str]) -> Document:
    """Two clips, one after the other, by the media function. `sources` are those of uploaded clips, by node."""
    clips = [{"id": name, "type": "asset", "asset": {"type": "video", "source": sources[name]}} for name in CLIPS]
    join = {"id": "film", "type": "merge-videos", "inputs": {"segments": list(CLIPS)}, "config": FFMPEG}
    return {"id": f"join-{number}", "nodes": [*clips, join]}


def another_clip(clip: bytes, number: int) -> bytes:
    """The same film in another file: an MP4 may end with a box that says nothing, and here it is a number."""
    return clip + struct.pack(">I4sQ", 16, b"free", number)

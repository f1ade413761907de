"""What the workloads run: the graph of a short film, with nodes that do nothing."""

from __future__ import annotations

from collections.abc import Mapping

VIDEO_DAG: Mapping[str, tuple[str, ...]] = {
    "a1": (),
    "a2": (),
    "a3": (),
    "a4": (),
    "b1": ("a1", "a2"),
    "b2": ("a3",),
    "b3": ("a4",),
    "m": ("b1", "b2", "b3"),
    "c": ("m", "a1"),
    "f": ("c",),
}
"""Ten nodes on five levels: scenes, their narration, the cut, the sound, the film."""


def video_dag(pipeline_id: str, *, salt: str, config: Mapping[str, object]) -> dict[str, object]:
    """A document for ImportPipeline. Each node has a nonce of its own: only under the same salt is work the same."""
    return {
        "id": pipeline_id,
        "nodes": [
            {
                "id": node,
                "type": "noop",
                "inputs": {"after": list(sources)} if sources else {},
                "config": {"provider": "local", "nonce": f"{salt}/{node}", **config},
            }
            for node, sources in VIDEO_DAG.items()
        ],
    }

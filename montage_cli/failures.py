"""Failures in the words of the document: tools name places of their input and objects of the store, we nodes."""

import re
from collections.abc import Iterable

from montage.v1 import resources_pb2 as resources

from montage_cli.names import last_id

_PLACE = re.compile(r"(?P<place>(?P<slot>[A-Za-z]+)(?:\[(?P<index>[0-9]{1,4})\])?) \(s3://[^\s()]+\)")


def failure_words(message: str, inputs: Iterable[resources.NodeInput]) -> str:
    """Why the node with these inputs failed: `segments[1] (s3://…)` becomes `segments[1] (node 'film')`."""
    sources = {slot.slot: slot.nodes for slot in inputs}

    def told(match: re.Match[str]) -> str:
        nodes, index = sources.get(match["slot"], ()), int(match["index"] or 0)
        return f"{match['place']} (node '{last_id(nodes[index])}')" if index < len(nodes) else match[0]

    return _PLACE.sub(told, message)

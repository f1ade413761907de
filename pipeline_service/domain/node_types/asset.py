"""Material that a user gives."""

from datetime import timedelta

from pipeline_service.domain.node_types.base import FETCH, NodeType

ASSET = NodeType(
    name="asset",
    description="Text, JSON, image, audio or video that a user gives.",
    makes=None,
    # Only an https source is executed; uploaded bytes are complete as soon as they are in the store.
    queues={"": FETCH},
    start_to_close=timedelta(minutes=10),
)

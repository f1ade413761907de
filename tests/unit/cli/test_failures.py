"""Failures of tools, told by the names of nodes."""

import pytest
from montage.v1 import resources_pb2 as resources

from montage_cli.failures import failure_words

INPUTS = (
    resources.NodeInput(slot="segments", nodes=["pipelines/p/nodes/a", "pipelines/p/nodes/b"]),
    resources.NodeInput(slot="audio", nodes=["pipelines/p/nodes/voice"]),
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("segments[1] (s3://montage/assets/ab.txt) has no pictures", "segments[1] (node 'b') has no pictures"),
        ("audio (s3://montage/x.wav) is silent", "audio (node 'voice') is silent"),
        ("segments[2] (s3://montage/x.mp4) is long", "segments[2] (s3://montage/x.mp4) is long"),
        ("logo (s3://montage/x.png) is small", "logo (s3://montage/x.png) is small"),
        ("FFmpeg ended with 1", "FFmpeg ended with 1"),
    ],
)
def test_place_of_an_input_is_told_as_its_node_where_there_is_one(message: str, expected: str) -> None:
    assert failure_words(message, INPUTS) == expected

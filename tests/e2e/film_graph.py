"""What the graph says about the film, read from the nodes as the service states them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from montage.v1.resources_pb2 import Node

from tests.e2e.film_pictures import Rectangle

MARGIN = 1 / 40
"""Of the film's width: what compose-video leaves between a small picture and the edges."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of the film."""

    node: str
    start_s: float
    duration_s: float

    def moment(self, share: float) -> float:
        """Seconds from the segment's beginning."""
        return share * self.duration_s


@dataclass(frozen=True, kw_only=True)
class FilmGraph:
    """The nodes by what they are to the film: a reel of segments, music under it, a speaker in a corner."""

    film: str
    background: str
    speaker: str
    voice: str
    music: str
    music_volume: float
    segments: tuple[Segment, ...]
    crop: Rectangle
    """Of the speaker."""
    corner: Rectangle
    """Of the film, where the speaker is shown."""

    @property
    def duration_s(self) -> float:
        return sum(segment.duration_s for segment in self.segments)


def read_graph(nodes: Mapping[str, Node]) -> FilmGraph:
    """Walk from the one compose-video node to what it is made of; durations are those of the nodes' outputs."""
    film = _only(nodes, "compose-video")
    background, speaker = _source(nodes, film, "background"), _source(nodes, film, "overlay")
    reel, music = _source(nodes, background, "video"), _source(nodes, background, "audio")
    background_config = _config(background)
    assert (background.type, background_config["mode"]) == ("mix-audio", "replace")
    assert (reel.type, speaker.type) == ("merge-videos", "generate-talking-head")
    config = _config(film)
    crop = Rectangle(
        left=round(config["cropLeft"]),
        top=round(config["cropTop"]),
        width=round(config["cropWidth"]),
        height=round(config["cropHeight"]),
    )
    return FilmGraph(
        film=_id(film.name),
        background=_id(background.name),
        speaker=_id(speaker.name),
        voice=_id(_source(nodes, speaker, "audio").name),
        music=_id(music.name),
        music_volume=background_config["audioVolume"],
        segments=_segments(nodes, reel),
        crop=crop,
        corner=corner_of(
            film.output.media.width,
            film.output.media.height,
            crop=crop,
            scale=config["scale"],
            position=config["position"],
        ),
    )


def corner_of(width: int, height: int, *, crop: Rectangle, scale: float, position: str) -> Rectangle:
    """Where a cropped overlay stands in a film: `scale` of its width, its own shape, a margin from both edges."""
    vertical, _, horizontal = position.partition("-")
    assert vertical in {"top", "bottom"}, f"{position} is no corner"
    margin = round(width * MARGIN)
    shown_width = round(width * scale)
    shown_height = round(shown_width * crop.height / crop.width)
    return Rectangle(
        left=margin if horizontal == "left" else width - shown_width - margin,
        top=margin if vertical == "top" else height - shown_height - margin,
        width=shown_width,
        height=shown_height,
    )


def _segments(nodes: Mapping[str, Node], reel: Node) -> tuple[Segment, ...]:
    segments, start_s = list[Segment](), 0.0
    for name in _sources(reel, "segments"):
        duration_s = nodes[_id(name)].output.duration.ToTimedelta().total_seconds()
        segments.append(Segment(node=_id(name), start_s=start_s, duration_s=duration_s))
        start_s += duration_s
    return tuple(segments)


def _only(nodes: Mapping[str, Node], node_type: str) -> Node:
    (found,) = (node for node in nodes.values() if node.type == node_type)
    return found


def _source(nodes: Mapping[str, Node], node: Node, slot: str) -> Node:
    (name,) = _sources(node, slot)
    return nodes[_id(name)]


def _sources(node: Node, slot: str) -> list[str]:
    return [name for one in node.inputs if one.slot == slot for name in one.nodes]


def _config(node: Node) -> dict[str, Any]:
    config: dict[str, Any] = json_format.MessageToDict(node.config)
    return config


def _id(name: str) -> str:
    return name.rpartition("/")[2]

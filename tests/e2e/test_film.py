"""The welcome film is what its graph says: one real run, measured in its pictures and its sound.

Every artifact of the run is at hand as a file, and so the film is held against the very pictures and sounds that the
graph puts into it. That each measure can fail is shown by tests/unit/film and by the negative cases here.
"""

import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from montage.v1 import resources_pb2 as resources
from PIL import Image

from tests.e2e.film_graph import FilmGraph, Segment, read_graph
from tests.e2e.film_making import WELCOME, Made, make_film, sha256_of
from tests.e2e.film_media import Luma, Sound, colours, lumas, pictures_at, probe, sound, top_level_boxes
from tests.e2e.film_mouth import follows, mouth_areas, mouth_region, scaled_into
from tests.e2e.film_pictures import Rectangle, likeness, motion_of
from tests.e2e.film_sound import (
    Mono,
    correlation,
    integrated_lufs,
    lag_s,
    levels,
    mono,
    part_of,
    peak_dbfs,
    rms_dbfs,
)
from tests.promql import Scrape, evaluate
from tests.spans import Told, read_spans, way_up
from tests.telemetry_rules import ONLY_ON_FAILURE, alert_rules, panel_expressions

# The fixture makes a whole film, and counts as a part of the first test.
pytestmark = pytest.mark.timeout(300)

FPS = 25
SHARES = (0.25, 0.5, 0.75)
"""The moments of a segment that are looked for."""
NEIGHBOURS = (-2, -1, 1, 2)
"""Pictures around each moment, which must be less like it."""
ROUNDED_EDGE = 32
"""Pixels at the edge of the small picture: its corners are round."""
TWO_SECONDS = 2 * FPS
DEMO_TIMEOUT_S = 180
MERGE = "pipeline: execution merge-videos"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="module")
def spans(made: Made) -> list[Told]:
    return read_spans(made.spans)


@pytest.fixture(scope="module")
def graph(made: Made) -> FilmGraph:
    return read_graph(made.nodes)


@pytest.fixture(scope="module")
def film(made: Made, graph: FilmGraph) -> Path:
    return made.artifacts[graph.film]


@pytest.fixture(scope="module")
def shown(film: Path, graph: FilmGraph) -> Mapping[int, Luma]:
    """The film's pictures at and around every moment that is looked for, by number."""
    moments = {number_in_film(segment, share) for segment in graph.segments for share in SHARES}
    return pictures_at(film, {number + step for number in moments for step in (0, *NEIGHBOURS)})


@pytest.fixture(scope="module")
def wanted(made: Made, graph: FilmGraph) -> Mapping[tuple[str, float], Luma]:
    """Each segment's own pictures, from its own file."""
    found = {}
    for segment in graph.segments:
        numbers = {share: round(segment.moment(share) * FPS) for share in SHARES}
        pictures = pictures_at(made.artifacts[segment.node], numbers.values())
        found |= {(segment.node, share): pictures[number] for share, number in numbers.items()}
    return found


@pytest.fixture(scope="module")
def heard(film: Path) -> Sound:
    return sound(film)


@pytest.fixture(scope="module")
def voice(made: Made, graph: FilmGraph) -> Mono:
    return mono(sound(made.artifacts[graph.voice]))


def number_in_film(segment: Segment, share: float) -> int:
    return round(segment.start_s * FPS) + round(segment.moment(share) * FPS)


def shrunk_to(place: Rectangle, picture: Luma) -> Luma:
    return np.asarray(Image.fromarray(picture).resize((place.width, place.height)))


class TestDelivery:
    """The client ended with 0, or there would be no fixture."""

    def test_client_after_the_run_has_downloaded_the_film_and_nothing_else(self, made, graph):
        assert [path.name for path in made.delivered] == ["welcome.mp4"]
        assert graph.film == "welcome"

    def test_executions_of_the_run_are_one_per_node_that_is_no_asset(self, made):
        executed = sorted(execution.name.split("/")[3] for execution in made.executions)

        assert executed == sorted(node_id for node_id, node in made.nodes.items() if node.type != "asset")
        assert {execution.state for execution in made.executions} == {resources.EXECUTION_STATE_SUCCEEDED}

    def test_film_has_the_checksum_of_the_last_artifact_in_store_and_api(self, made, graph, film):
        digests = {
            "delivered": sha256_of(made.delivered[0]),
            "downloaded": sha256_of(film),
            "node": made.nodes[graph.film].output.sha256,
            "execution": made.last.output.sha256,
            "store": made.stored_sha256,
            "manifest": made.manifest["result"]["sha256"],
        }

        assert made.last.name == made.nodes[graph.film].execution
        assert len(set(digests.values())) == 1, digests

    def test_every_film_and_nothing_else_has_a_contact_sheet(self, made):
        films = {node_id for node_id, node in made.nodes.items() if node.output.type == resources.MEDIA_TYPE_VIDEO}
        sheets = {node_id for node_id, node in made.nodes.items() if node.output.contact_sheet == "contact_sheet.jpg"}

        assert sheets == films
        assert len(films) > 3

    def test_artifacts_of_all_nodes_have_the_checksums_of_the_api(self, made):
        stated = {node_id: node.output.sha256 for node_id, node in made.nodes.items()}

        assert {node_id: sha256_of(path) for node_id, path in made.artifacts.items()} == stated


class TestContainer:
    def test_film_is_one_h264_and_one_aac_stream_at_720p(self, film):
        facts = probe(film)

        assert facts.kinds == ("audio", "video")
        assert (facts.video.codec, facts.video.pixel_format) == ("h264", "yuv420p")
        assert (facts.video.width, facts.video.height, facts.video.fps) == (1280, 720, FPS)
        assert (facts.audio.codec, facts.audio.sample_rate, facts.audio.channels) == ("aac", 48_000, 2)

    def test_film_can_start_before_all_of_it_has_arrived(self, film):
        boxes = top_level_boxes(film)

        assert boxes.index("moov") < boxes.index("mdat")

    def test_film_lasts_as_long_as_its_segments_together(self, made, graph, film):
        facts = probe(film)

        assert 15 <= graph.duration_s <= 30
        assert facts.duration_s == pytest.approx(graph.duration_s, abs=0.2)
        assert facts.video.duration_s == pytest.approx(graph.duration_s, abs=0.2)
        assert facts.audio.duration_s == pytest.approx(graph.duration_s, abs=0.2)
        assert (facts.video.start_s, facts.audio.start_s) == (0, 0)
        stated = made.nodes[graph.film].output.duration.ToTimedelta().total_seconds()
        assert stated == pytest.approx(facts.duration_s, abs=0.05)

    def test_segments_last_as_long_as_the_api_states(self, made, graph):
        assert len(graph.segments) == 4
        for segment in graph.segments:
            assert probe(made.artifacts[segment.node]).video.duration_s == pytest.approx(segment.duration_s, abs=0.02)


class TestPictures:
    """Likeness is SSIM of luma, outside the corner where the speaker stands, over every window that touches no pixel
    of it; `drawn` is the mean over those windows only where the segment has lines or letters, which is the stricter.
    """

    def test_film_never_stands_still_for_a_second(self, film):
        motion = motion_of(lumas(film), fps=FPS)

        assert motion.longest_still_s <= 1.0, motion

    @pytest.mark.parametrize("share", SHARES)
    def test_segments_are_shown_where_the_graph_puts_them(self, share, graph, shown, wanted):
        for segment in graph.segments:
            found = likeness(wanted[segment.node, share], shown[number_in_film(segment, share)], hidden=graph.corner)

            assert found.whole >= 0.9, (segment, found)
            assert found.drawn >= 0.9, (segment, found)

    @pytest.mark.parametrize("index", range(4))
    def test_segment_comes_neither_a_picture_early_nor_late(self, index, graph, shown, wanted):
        segment = graph.segments[index]

        def drawn(share: float, step: int) -> float:
            number = number_in_film(segment, share) + step
            return likeness(wanted[segment.node, share], shown[number], hidden=graph.corner).drawn

        # Of all three moments together: at one of them the picture may happen to change very little.
        on_time = mean(drawn(share, 0) for share in SHARES)
        around = {step: mean(drawn(share, step) for share in SHARES) for step in NEIGHBOURS}

        assert on_time > max(around.values()), (segment, on_time, around)

    def test_segments_are_not_found_where_another_is_shown(self, graph, shown, wanted):
        for one, other in [*pairwise(graph.segments), (graph.segments[-1], graph.segments[0])]:
            found = likeness(wanted[one.node, 0.5], shown[number_in_film(other, 0.5)], hidden=graph.corner)

            assert found.whole < 0.9, (one.node, other.node, found)
            assert found.drawn < 0.5, (one.node, other.node, found)

    def test_speaker_is_shown_in_the_corner_at_the_same_moment(self, made, graph, shown):
        numbers = {number_in_film(segment, share) for segment in graph.segments for share in SHARES}
        place, inner = graph.corner.shrunk(ROUNDED_EDGE).slices, (slice(ROUNDED_EDGE, -ROUNDED_EDGE),) * 2
        small = {
            number: shrunk_to(graph.corner, speaker[graph.crop.slices])[inner]
            for number, speaker in pictures_at(made.artifacts[graph.speaker], numbers).items()
        }

        found = {number: likeness(picture, shown[number][place]) for number, picture in small.items()}
        around = {
            step: mean(likeness(picture, shown[number + step][place]).drawn for number, picture in small.items())
            for step in NEIGHBOURS
        }

        assert min(min(one.whole, one.drawn) for one in found.values()) >= 0.9, found
        assert mean(one.drawn for one in found.values()) > max(around.values()), (found, around)


class TestSound:
    """The voice is looked for by its waveform, not by its envelope: the film holds the recording itself, encoded once
    more and with music under it, while the envelopes of any two people who read the same text may agree.
    """

    def test_voice_is_in_the_film_from_the_beginning_on(self, heard, voice):
        whole = mono(heard)

        assert abs(lag_s(whole, voice)) <= 1 / FPS
        assert part_of(whole, voice).correlation >= 0.6

    def test_voice_two_seconds_off_is_not_in_the_film(self, heard, voice):
        assert abs(part_of(mono(heard)[2 * 48_000 :], voice).correlation) < 0.1

    def test_voice_past_the_end_of_the_film_is_silent(self, heard, voice):
        cut_off = voice[heard.shape[1] :]

        assert not cut_off.size or rms_dbfs(cut_off) < -50

    def test_voice_stands_clear_of_everything_else(self, heard, voice):
        found = part_of(mono(heard), voice)

        assert 0.7 < found.gain < 1.5
        assert found.level_dbfs - found.rest_dbfs >= 8

    def test_everything_else_is_the_music_at_its_volume(self, made, graph, heard, voice):
        rest = part_of(mono(heard), voice).rest
        background = mono(sound(made.artifacts[graph.background]))
        found = part_of(background, mono(sound(made.artifacts[graph.music])))

        assert found.correlation >= 0.95
        assert found.gain == pytest.approx(graph.music_volume, rel=0.05)
        assert correlation(rest, background[: len(rest)]) >= 0.9
        assert rms_dbfs(rest) > -45

    def test_film_is_loud_enough_and_never_clips(self, heard):
        assert peak_dbfs(heard) < -0.1
        assert -23 <= integrated_lufs(heard) <= -14


class TestMouth:
    """Area of the mouth's colour in the pictures themselves, against the loudness of the sound in the same file."""

    def test_mouth_of_the_speaker_follows_the_voice(self, made, graph):
        speaker = made.artifacts[graph.speaker]
        areas = mouth_areas(colours(speaker), _mouth_of(speaker))
        loudness = levels(mono(sound(speaker)), fps=FPS, count=len(areas))

        assert follows(areas, loudness) >= 0.5
        assert follows(areas, loudness, later_by=TWO_SECONDS) < 0.2
        assert follows(areas, loudness, later_by=-TWO_SECONDS) < 0.2

    def test_mouth_in_the_corner_of_the_film_follows_its_sound(self, made, graph, film, heard):
        region = scaled_into(_mouth_of(made.artifacts[graph.speaker]), crop=graph.crop, place=graph.corner)
        areas = mouth_areas(colours(film), region)
        loudness = levels(mono(heard), fps=FPS, count=len(areas))

        assert follows(areas, loudness) >= 0.5
        assert follows(areas, loudness, later_by=TWO_SECONDS) < 0.2
        assert follows(areas, loudness, later_by=-TWO_SECONDS) < 0.2


def _mouth_of(speaker):
    """Where the mouth is in the pictures of a talking head, whatever their size."""
    video = probe(speaker).video
    return mouth_region(width=video.width, height=video.height)


def test_each_rule_and_panel_reads_something_of_the_services_that_made_it(made):
    before, after = (Scrape.of(*made.scrapes, at_s=at_s) for at_s in (0, 60))

    rules = [rule.observed for rule in alert_rules().values()]
    empty = [one for one in (*rules, *panel_expressions()) if not evaluate(one, before=before, after=after)]
    assert set(empty) <= set(ONLY_ON_FAILURE)


class TestTrace:
    """What every process told of its part in the run."""

    def test_reaches_from_the_client_to_the_completion_and_is_one(self, spans):
        first, *others = [span for span in spans if not span.parent_id]
        ids = {span.span_id for span in spans}

        assert {span.trace_id for span in spans} == {first.trace_id}
        assert (first.service, first.name, others) == ("montage", "montage run", [])
        assert [span for span in spans if span.parent_id and span.parent_id not in ids] == []

    def test_of_a_media_step_goes_through_every_hop(self, spans):
        (callback,) = [span for span in spans if span.name == "callback" and MERGE in way_up(span, spans)]
        (posted,) = [span for span in spans if span.parent_id == callback.span_id]
        (reported,) = [span for span in spans if span.parent_id == posted.span_id]
        (completion,) = [span for span in spans if span.parent_id == reported.span_id]

        assert way_up(completion, spans) == [
            "pipeline: transaction",
            "pipeline: montage.v1.CallbackService/ReportExternal",
            "callback-gateway: POST /spi/video_production/executor_callback",
            "media: callback",
            "media: media merge-videos",
            "executor: process work.ffmpeg",
            "pipeline: publish work.ffmpeg",
            MERGE,
            "pipeline: run",
            "pipeline: montage.v1.PipelineService/RunPipeline",
            "montage: montage.v1.PipelineService/RunPipeline",
            "montage: montage run",
        ]

    def test_has_every_execution_and_ends_with_the_run(self, spans, made):
        ended = {span.attributes["montage.execution"]: span for span in spans if span.name.startswith("execution ")}
        (run,) = [span for span in spans if span.name == "run"]

        assert set(ended) == {execution.name.rpartition("/")[2] for execution in made.executions}
        assert [span for span in ended.values() if span.error] == []
        assert run.attributes["montage.state"] == "SUCCEEDED"
        assert run.end_ns == max(span.end_ns for span in ended.values())


@pytest.mark.slow
def test_demo_of_the_same_document_in_another_stack_makes_the_same_bytes(film, tmp_path):
    command = [sys.executable, "-P", "-m", "devstack", "demo", "--document", str(WELCOME), "--out", str(tmp_path)]
    demo = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEMO_TIMEOUT_S, check=False
    )

    assert demo.returncode == 0, demo.stdout
    assert sha256_of(tmp_path / film.name) == sha256_of(film)

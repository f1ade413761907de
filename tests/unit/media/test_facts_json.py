"""Facts on their way out of the inspector's child."""

import json
from fractions import Fraction

import pytest

from media_lambda.facts import Colour, MediaFacts
from media_lambda.facts_json import facts_from_json, facts_to_json
from tests.unit.media.factories import a_sound, a_video

COLOUR = Colour(matrix="bt2020nc", is_full_range=True, hdr="smpte2084")


@pytest.mark.parametrize(
    "facts",
    [
        MediaFacts(demuxer="mov", duration=Fraction(0), video=None, audio=None),
        MediaFacts(demuxer="wav", duration=Fraction(1, 3), video=None, audio=a_sound(seconds=Fraction(1001, 30000))),
        MediaFacts(
            demuxer="matroska",
            duration=Fraction(7),
            video=a_video(rate=Fraction(30000, 1001), profile=None, colour=COLOUR, extradata=b"\x00\xff"),
            audio=a_sound(channels=6),
        ),
    ],
)
def test_facts_come_back_exactly(facts: MediaFacts) -> None:
    assert facts_from_json(json.loads(json.dumps(facts_to_json(facts)))) == facts

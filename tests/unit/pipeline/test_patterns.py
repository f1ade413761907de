"""A regular expression of the contract that a value breaks is told in words."""

import re
from pathlib import Path

from montage.v1.pipeline_service_pb2 import CreatePipelineRequest, GetPipelineRequest
from montage.v1.resources_pb2 import Pipeline

from pipeline_service.transport.patterns import PATTERNS
from servicekit.validation import MessageValidator

PROTOS = Path(__file__).parents[3] / "protos" / "montage" / "v1"
PATTERN = re.compile(r'pattern[ :=]+"((?:[^"\\]|\\.)*)"')


def test_every_pattern_of_the_contract_has_words_and_no_other() -> None:
    texts = [path.read_text() for path in sorted(PROTOS.glob("*.proto"))]
    found = {match.replace("\\\\", "\\") for text in texts for match in PATTERN.findall(text)}

    assert found == PATTERNS.keys()


def test_wrong_name_is_told_with_the_characters_and_the_length_that_are_taken() -> None:
    (violation,) = MessageValidator(patterns=PATTERNS).violations(GetPipelineRequest(name="pipelines/My_Film"))

    assert violation.field == "name"
    assert violation.description == (
        "expected 'pipelines/<id>', where an id is 1 to 63 of a-z, 0-9 and '-', the first a letter or digit; "
        "found 'pipelines/My_Film'"
    )


def test_wrong_labels_are_told_by_key_and_value() -> None:
    request = CreatePipelineRequest(pipeline=Pipeline(labels={"Team": "red", "cut": "a b"}))

    told = {one.field: one.description for one in MessageValidator(patterns=PATTERNS).violations(request)}

    assert told == {
        'pipeline.labels["Team"]': "expected 1 to 63 of a-z, 0-9, '_' and '-', the first a letter; found 'Team'",
        'pipeline.labels["cut"]': "expected at most 63 of A-Z, a-z, 0-9, '_', '.' and '-'; found 'a b'",
    }

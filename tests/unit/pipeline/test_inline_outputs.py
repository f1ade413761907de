"""Results that travel in their report: what is believed of them, and what is refused."""

from hashlib import sha256

import pytest
from montage.v1 import resources_pb2

from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Output
from pipeline_service.store.codec import output_from_json, output_to_json
from pipeline_service.wire.values import Incomplete, output_message, output_value

CONTENT = '{"count": 3}'
SHA256 = sha256(CONTENT.encode()).hexdigest()


def a_message(**changed: object) -> resources_pb2.Output:
    fields = {"type": resources_pb2.MEDIA_TYPE_JSON, "content": CONTENT, "content_type": "application/json"}
    return resources_pb2.Output(**(fields | changed))  # type: ignore[arg-type]


def test_content_gets_the_size_and_checksum_of_its_bytes() -> None:
    assert output_value(a_message()) == Output(
        type=MediaType.JSON,
        s3_key="",
        size_bytes=12,
        sha256=SHA256,
        content_type="application/json",
        content=CONTENT,
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"type": resources_pb2.MEDIA_TYPE_VIDEO}, "output.content: expected text or JSON"),
        ({"s3_key": "a/b"}, "output.s3_key: expected none"),
        ({"size_bytes": 13}, "output.size_bytes: expected 12"),
        ({"sha256": "00" * 32}, "output.sha256: expected the checksum"),
        ({"content": "x" * 4097}, "output.content: expected at most 4096 bytes"),
        ({"content": "é" * 2049}, "output.content: expected at most 4096 bytes"),
        ({"content": "a\x00b"}, "output.content: expected at most 4096 bytes without U"),
    ],
)
def test_content_that_is_not_as_described_is_refused(changed: dict[str, object], told: str) -> None:
    with pytest.raises(Incomplete, match=told):
        output_value(a_message(**changed))


def test_content_is_the_same_from_message_to_row_and_back() -> None:
    output = output_value(a_message())

    assert output_from_json(output_to_json(output)) == output
    assert output_value(output_message(output) or resources_pb2.Output()) == output


def test_row_from_before_there_was_content_has_none() -> None:
    row = output_to_json(output_value(a_message(content="", s3_key="a/b", size_bytes=1)))
    assert row is not None
    del row["content"]

    read = output_from_json(row)

    assert read is not None
    assert (read.content, read.s3_key) == ("", "a/b")

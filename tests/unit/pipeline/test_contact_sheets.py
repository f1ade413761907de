"""The contact sheet of an output: a name beside it, and never another place."""

import pytest
from montage.v1 import resources_pb2

from pipeline_service.domain.keys import beside
from pipeline_service.store.codec import output_from_json, output_to_json
from pipeline_service.wire.values import Incomplete, output_message, output_value

KEY = "pipelines/p/nodes/n/executions/e/claim/output.mp4"


def a_message(contact_sheet: str) -> resources_pb2.Output:
    return resources_pb2.Output(
        type=resources_pb2.MEDIA_TYPE_VIDEO, s3_key=KEY, size_bytes=1, contact_sheet=contact_sheet
    )


@pytest.mark.parametrize("name", ["contact_sheet.jpg", ""])
def test_contact_sheet_is_the_same_from_message_to_row_and_back(name: str) -> None:
    output = output_value(a_message(name))

    assert output.contact_sheet == name
    assert output_from_json(output_to_json(output)) == output
    assert output_value(output_message(output) or resources_pb2.Output()) == output


@pytest.mark.parametrize(
    "name", ["../other/sheet.jpg", "/sheet.jpg", "..", "output.mp4", "a.jpg\n", "A.jpg", ".jpg", f"{'x' * 65}.jpg"]
)
def test_contact_sheet_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Incomplete, match=r"output\.contact_sheet: expected the name of a JPEG beside the output"):
        output_value(a_message(name))


def test_row_from_before_there_were_contact_sheets_has_none() -> None:
    row = output_to_json(output_value(a_message("contact_sheet.jpg")))
    assert row is not None
    del row["contactSheet"]

    read = output_from_json(row)

    assert read is not None
    assert read.contact_sheet == ""


def test_contact_sheet_lies_in_the_folder_of_its_output() -> None:
    assert beside(KEY, "contact_sheet.jpg") == "pipelines/p/nodes/n/executions/e/claim/contact_sheet.jpg"

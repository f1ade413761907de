"""Documents as files, and the places of problems."""

from pathlib import Path

import pytest
from google.protobuf import json_format, struct_pb2

from montage_cli.document import LARGEST_DOCUMENT_BYTES, read_document
from montage_cli.json_values import MAX_DEPTH
from montage_cli.problems import InvalidDocument, Problem, line_of


def refusal_of(path: Path) -> str:
    with pytest.raises(InvalidDocument) as caught:
        read_document(path)
    return str(caught.value)


def test_read_document_json_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.JSON"
    path.write_text('\ufeff{"id": "a"}', encoding="utf-8")

    document = read_document(path)

    assert document.value == {"id": "a"}
    assert document.lines["id"] == 1


def test_read_document_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" in refusal_of(tmp_path / "none.yaml")


def test_read_document_folder_is_a_problem_that_names_the_document_in_it(tmp_path: Path) -> None:
    without = refusal_of(tmp_path)
    (tmp_path / "pipeline.yaml").write_text("id: film")

    assert without.endswith("  is a folder")
    assert refusal_of(tmp_path).endswith(f"  is a folder; its document is {tmp_path / 'pipeline.yaml'}")


def test_read_document_list_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("# nodes\n- a\n")

    assert "line 2: expected a mapping" in refusal_of(path)


def test_read_document_other_encoding_is_a_problem_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"id: a\ntitle: caf\xe9\n")

    assert "line 2: expected UTF-8, found the byte 0xe9" in refusal_of(path)


def test_read_document_too_large_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    with path.open("wb") as file:
        file.truncate(LARGEST_DOCUMENT_BYTES + 1)

    assert "is larger than 16777216 bytes" in refusal_of(path)


def test_read_document_as_deep_as_allowed_travels_as_struct(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    depth = MAX_DEPTH - 1
    path.write_text("a: " + '{"b": ' * depth + "1" + "}" * depth)

    struct = json_format.ParseDict(read_document(path).value, struct_pb2.Struct())

    assert struct_pb2.Struct.FromString(struct.SerializeToString()) == struct


def test_invalid_document_lists_all_problems_in_the_order_of_lines() -> None:
    error = InvalidDocument(
        Path("p.yaml"),
        [
            Problem(place="nodes[3].inputs.audio", line=27, message="no node 'voce'; did you mean 'voice'?"),
            Problem(place="title", line=2, message="expected text"),
        ],
        omitted=3,
        note="The rest is unknown.",
    )

    assert str(error) == (
        "p.yaml has 5 problems; nothing was created:\n"
        "  title, line 2: expected text\n"
        "  nodes[3].inputs.audio, line 27: no node 'voce'; did you mean 'voice'?\n"
        "  … and 3 more\n"
        "The rest is unknown."
    )


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("nodes[0].id", 3),
        ("nodes[0].inputs.audio", 2),
        ("nodes[0].config.a.b[3].c", 2),
        ("nodes[7].id", 1),
        ("unknown", 1),
        ("", 1),
    ],
)
def test_line_of_missing_place_is_that_of_what_is_around_it(place: str, line: int) -> None:
    lines = {"": 1, "nodes": 1, "nodes[0]": 2, "nodes[0].id": 3}

    assert line_of(place, lines) == line


def test_line_of_nothing_known_is_none() -> None:
    assert line_of("a.b", {}) is None

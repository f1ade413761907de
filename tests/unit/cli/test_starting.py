"""`montage init`: files that can be read, and none overwritten."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from montage_cli.assets import local_sources, locate
from montage_cli.cli import cli
from montage_cli.document import read_document


def init(folder: Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["init", str(folder)], env={})
    return result.exit_code, result.stdout, result.stderr


def test_init_writes_a_document_whose_files_are_there(tmp_path: Path) -> None:
    code, stdout, _ = init(tmp_path / "new" / "My First Film!")

    document = read_document(tmp_path / "new" / "My First Film!" / "pipeline.yaml")
    assert code == 0
    assert document.value["id"] == "my-first-film"
    assert [locate(one.source, folder=document.path.parent).name for one in local_sources(document.value)] == [
        "script.txt"
    ]
    assert stdout.splitlines()[-1] == f"make the film with: montage run '{document.path}'"


def test_init_takes_letters_without_their_marks_into_the_id(tmp_path: Path) -> None:
    init(tmp_path / "Ünï Film!")

    assert read_document(tmp_path / "Ünï Film!" / "pipeline.yaml").value["id"] == "uni-film"


@pytest.mark.parametrize("taken", ["pipeline.yaml", "script.txt"])
def test_init_overwrites_nothing_and_writes_no_half(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")

    code, stdout, stderr = init(tmp_path)

    assert (code, stdout) == (3, "")
    assert stderr == f"error: {tmp_path} has {taken} already; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_init_does_not_write_through_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "script.txt").symlink_to(tmp_path / "elsewhere")

    assert init(tmp_path)[0] == 3
    assert not (tmp_path / "elsewhere").exists()


def test_init_where_a_file_is_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film").write_text("")

    code, _, stderr = init(tmp_path / "film")

    assert code == 3
    assert stderr.startswith(f"error: cannot write into {tmp_path / 'film'}: ")


def test_init_takes_another_id_where_the_folder_has_no_letters(tmp_path: Path) -> None:
    init(tmp_path / "电影")

    assert read_document(tmp_path / "电影" / "pipeline.yaml").value["id"] == "my-film"

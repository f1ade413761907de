"""Documents on their way from the command line into the real service, files included."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from devstack.layout import repository_root
from devstack.stack import Stack
from montage_cli.connection import find_connection
from tests.integration.cli.process import Montage

EXAMPLE = repository_root() / "tests" / "documents" / "uuid_style"
PIPELINE = "7f0c2a54-93d1-4b7e-8a36-5d0e9c1b2f48"


@pytest.fixture
def montage(stack: Stack, tmp_path: Path) -> Montage:
    folder = tmp_path / "lesson"
    shutil.copytree(EXAMPLE, folder)
    return Montage(find_connection(stack.env_for_client(), folder=folder, repository=folder), folder)


async def test_document_in_the_style_of_uuid_is_imported_with_its_files(montage: Montage) -> None:
    imported = await montage("import", "pipeline.json")
    exported = await montage("export", PIPELINE, "-o", "json")

    assert imported.code == 0, imported.stderr
    document = json.loads(exported.stdout)
    given = json.loads((EXAMPLE / "pipeline.json").read_text())
    script = hashlib.sha256((EXAMPLE / "assets" / "script.txt").read_bytes()).hexdigest()
    assert document["id"] == PIPELINE
    assert [node["id"] for node in document["nodes"]] == [node["uuid"] for node in given["nodes"]]
    assert document["nodes"][0]["asset"] == {"type": "text", "source": f"asset:sha256/{script}.txt"}
    assert document["nodes"][1]["asset"] == given["nodes"][1]["asset"]


async def test_export_of_an_imported_document_is_imported_as_the_same_pipeline(montage: Montage) -> None:
    await montage("import", "pipeline.json")
    first = await montage("export", PIPELINE, "--out", "copy.yaml")
    again = await montage("import", "copy.yaml")
    second = await montage("export", PIPELINE, "--out", "second.yaml")

    assert (first.code, again.code, second.code) == (0, 0, 0), again.stderr
    assert (montage.folder / "copy.yaml").read_bytes() == (montage.folder / "second.yaml").read_bytes()


async def test_mistake_in_the_style_of_uuid_is_told_with_its_line(montage: Montage) -> None:
    file = montage.folder / "pipeline.json"
    file.write_text(file.read_text().replace("5e2f8d30-6b1c-4a97-b0f4-19d7c6a28e53-backdrop", "5e2f8d30_backdrop", 1))

    refused = await montage("import", "pipeline.json")

    assert refused.code == 3
    assert "nodes[1].uuid, line 19: expected an id of a-z, 0-9 and '-'" in refused.stderr

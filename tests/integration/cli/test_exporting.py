"""`montage export` and `validate` as processes: what is written, and that it comes back the same."""

import hashlib
import json

from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.process import Montage

RICH = """\
# Comments are lost, and the order of keys becomes the one of an export.
nodes:
  - asset: {source: hello.txt, type: text}
    id: script
    type: asset
  - inputs: {script: script}
    config: {voiceId: narrator, stability: 0.45, text: "16:9\\nof\\tall\\n", provider: local, speed: 1}
    type: generate-voiceover
    title: 'yes'
    id: voice
title: "Grüße: ein Film"
version: 1.0.0
id: welcome
"""


def write_rich(montage: Montage) -> None:
    (montage.folder / "welcome.yaml").write_text(RICH.replace("script: script", "script: [script]"))
    (montage.folder / "hello.txt").write_text("Hello")


def given_bytes(service: FakeService, file: str, content: bytes) -> None:
    """Let the first node be an asset that was uploaded."""
    key = f"assets/default/sha256/{file}"
    service.nodes["pipelines/welcome"][0].output.CopyFrom(service.store.given_output(key, content=content))


async def test_export_import_export_gives_the_same_bytes(montage: Montage, service: FakeService) -> None:
    write_rich(montage)
    await montage("import", "welcome.yaml")
    first = await montage("export", "welcome", "--out", "copies/first.yaml")
    service.pipelines.clear()

    imported = await montage("import", "copies/first.yaml")
    second = await montage("export", "welcome")

    text = (montage.folder / "copies" / "first.yaml").read_text()
    assert (first.code, first.stdout) == (0, "wrote copies/first.yaml\n")
    assert imported.code == 0, imported.stderr
    assert (second.code, second.stdout) == (0, text)
    lines = text.splitlines()
    assert lines[:3] == ["id: welcome", 'title: "Grüße: ein Film"', "version: 1.0.0"]
    assert lines[-8:] == [
        "    config:",
        "      provider: local",
        "      speed: 1",
        "      stability: 0.45",
        "      text: |",
        "        16:9",
        "        of\tall",
        "      voiceId: narrator",
    ]


async def test_export_as_json_comes_back_the_same_too(montage: Montage, service: FakeService) -> None:
    write_rich(montage)
    await montage("import", "welcome.yaml")
    first = await montage("export", "welcome", "-o", "json")
    await montage("export", "welcome", "--out", "copy.json")

    await montage("import", "copy.json")
    second = await montage("export", "welcome", "-o", "json")

    assert (montage.folder / "copy.json").read_text() == first.stdout == second.stdout
    assert list(first.json) == ["id", "title", "version", "nodes"]
    assert list(first.json["nodes"][1]) == ["id", "type", "title", "inputs", "config"]


async def test_export_with_assets_is_taken_elsewhere_and_gives_the_same_bytes_again(
    montage: Montage, service: FakeService
) -> None:
    content = b"Hello"
    file = f"{hashlib.sha256(content).hexdigest()}.txt"
    write_rich(montage)
    await montage("import", "welcome.yaml")
    given_bytes(service, file, content)
    first = await montage("export", "welcome", "--out", "here/film.yaml", "--with-assets")
    service.pipelines.clear()
    service.store.objects.clear()

    imported = await montage("import", "here/film.yaml")
    given_bytes(service, file, content)
    second = await montage("export", "welcome", "--out", "there/film.yaml", "--with-assets")

    here, there = montage.folder / "here", montage.folder / "there"
    assert (first.code, first.stdout) == (0, "wrote 1 file into here/assets\nwrote here/film.yaml\n")
    assert (here / "assets" / file).read_bytes() == content
    assert f"source: assets/{file}" in (here / "film.yaml").read_text()
    assert imported.code == 0, imported.stderr
    assert service.documents[-1]["nodes"][0]["asset"]["source"] == f"asset:sha256/{file}"
    assert second.code == 0, second.stderr
    assert (there / "film.yaml").read_text() == (here / "film.yaml").read_text()
    assert (there / "assets" / file).read_bytes() == content


async def test_bytes_that_are_not_here_are_refused_with_how_to_bring_them(
    montage: Montage, service: FakeService
) -> None:
    (montage.folder / "film.yaml").write_text(
        f"id: film\nnodes: [{{id: a, type: asset, asset: {{source: 'asset:sha256/{'0' * 64}.txt'}}}}]\n"
    )
    service.violations = [("nodes[0].asset.source", "these bytes were never uploaded")]

    ended = await montage("import", "film.yaml")

    assert ended.code == 3
    assert "montage export PIPELINE --out FILE --with-assets" in ended.stderr.splitlines()[-1]


async def test_export_that_cannot_be_written_is_refused_and_leaves_nothing(montage: Montage) -> None:
    await montage("import", "welcome.yaml")
    (montage.folder / "file").write_text("")

    ended = await montage("export", "welcome", "--out", "file/copy.yaml")

    assert ended.code == 3
    assert ended.stderr.startswith("error: cannot write file/copy.yaml: ")
    assert sorted(path.name for path in montage.folder.iterdir()) == ["file", "welcome.yaml"]


async def test_export_of_nothing_leaves_the_file_of_before(montage: Montage) -> None:
    (montage.folder / "copy.yaml").write_text("before")

    ended = await montage("export", "none", "--out", "copy.yaml")

    assert (ended.code, ended.stderr.splitlines()[0]) == (3, "error: no pipeline pipelines/none")
    assert (montage.folder / "copy.yaml").read_text() == "before"


async def test_validate_tells_what_an_import_would_do_and_changes_nothing(
    montage: Montage, service: FakeService
) -> None:
    good = await montage("validate", "welcome.yaml")
    as_json = await montage("validate", "welcome.yaml", "-o", "json")

    assert (good.code, good.stdout) == (0, "welcome.yaml is good; an import would add 3 nodes\n")
    assert as_json.json == {"file": "welcome.yaml", "valid": True, "problems": []}
    assert (service.pipelines, service.documents) == ({}, [])


async def test_validate_of_a_new_pipeline_counts_nodes_whose_files_the_store_has_not(
    montage: Montage, service: FakeService
) -> None:
    write_rich(montage)
    # As the service answers for files that were never uploaded: a problem, and no difference.
    service.violations = [("nodes[0].asset.source", "these bytes were never uploaded")]

    new = await montage("validate", "welcome.yaml")
    service.given_pipeline("welcome", ("voice", "noop", ()))
    present = await montage("validate", "welcome.yaml")

    assert new.stdout == "welcome.yaml is good; an import would add 2 nodes\n"
    assert present.stdout == "welcome.yaml is good; what an import would change shows when it uploads the files\n"


async def test_validate_tells_problems_of_document_and_assets_with_lines(
    montage: Montage, service: FakeService
) -> None:
    write_rich(montage)
    (montage.folder / "hello.txt").rename(montage.folder / "hallo.txt")
    service.violations = [("nodes[1].type", "unknown node type")]

    ended = await montage("validate", "welcome.yaml")
    as_json = await montage("validate", "welcome.yaml", "-o", "json")

    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr == (
        "welcome.yaml has 2 problems:\n"
        "  nodes[0].asset.source, line 3: no file 'hello.txt' beside the document; did you mean 'hallo.txt'?\n"
        "  nodes[1].type, line 8: unknown node type\n"
    )
    assert (as_json.code, as_json.stderr) == (3, "")
    assert [(one["place"], one["line"]) for one in as_json.json["problems"]] == [
        ("nodes[0].asset.source", 3),
        ("nodes[1].type", 8),
    ]
    assert not as_json.json["valid"]
    assert service.store.objects == {}


async def test_validate_of_broken_yaml_as_json_names_line_and_column(montage: Montage) -> None:
    (montage.folder / "welcome.yaml").write_text("id: [welcome\nnodes: 1\n")

    ended = await montage("validate", "welcome.yaml", "-o", "json")

    problem = json.loads(ended.stdout)["problems"][0]
    assert ended.code == 3
    assert (problem["line"], problem["column"]) == (2, 6)

"""`montage create`, `edit` and `delete` as processes."""

import asyncio
from pathlib import Path

from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.process import DOCUMENT, Montage
from tests.patience import PATIENCE_S

WELCOME = "pipelines/welcome"
MIX = (
    "create", "welcome/mix", "--type", "mix-audio", "--title", "Both",
    "--input", "audio=voice,welcome/text", "--label", "team=red",
)  # fmt: skip


def editor(montage: Montage, script: str) -> None:
    """Let EDITOR be a program that runs `script` on the text."""
    path = montage.folder / "editor.sh"
    path.write_text(f'#!/bin/sh\nset -e\n{script} "$1"\n')
    path.chmod(0o700)
    montage.environment["EDITOR"] = f"{path} "


def kept_texts(montage: Montage) -> list[Path]:
    return sorted((montage.folder / "tmp").iterdir())


def keep_texts_here(montage: Montage) -> None:
    (montage.folder / "tmp").mkdir()
    montage.environment["TMPDIR"] = str(montage.folder / "tmp")


async def test_create_makes_an_empty_pipeline_and_nodes_and_tells_what_they_lack(
    montage: Montage, service: FakeService
) -> None:
    pipeline = await montage("create", "welcome", "--title", "Hello", "--label", "team=red")
    lacking = await montage(*MIX)
    settings = ("--set", "provider=ffmpeg", "--set", "audioVolume=2", "--set", "fast=true", "--set", "other=x")
    complete = await montage(*MIX, *settings, "-o", "name")

    assert (pipeline.code, pipeline.stdout) == (0, "created pipelines/welcome\n")
    assert (service.pipelines[WELCOME].title, dict(service.pipelines[WELCOME].labels)) == ("Hello", {"team": "red"})
    assert (lacking.code, lacking.stdout) == (0, "created pipelines/welcome/nodes/mix\n")
    assert lacking.stderr == "it cannot run yet:\n  config.provider: is required\n"
    assert (complete.code, complete.stdout, complete.stderr) == (0, "pipelines/welcome/nodes/mix\n", "")
    made = service.nodes[WELCOME][1]
    assert (made.title, dict(made.labels)) == ("Both", {"team": "red"})
    assert [(one.slot, list(one.nodes)) for one in made.inputs] == [
        ("audio", [f"{WELCOME}/nodes/voice", f"{WELCOME}/nodes/text"])
    ]
    assert dict(made.config) == {"provider": "ffmpeg", "audioVolume": 2, "fast": True, "other": "x"}


async def test_dry_run_tells_what_would_be_and_changes_nothing(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("mix", "mix-audio", ()))
    before = str(service.pipelines), str(service.nodes)

    pipeline = await montage("create", "other", "--dry-run")
    node = await montage("create", "welcome/new", "--type", "mix-audio", "--dry-run")
    title = await montage("edit", "welcome", "--set", "title=Film", "--dry-run")
    setting = await montage("edit", "welcome/mix", "--set", "provider=ffmpeg", "--dry-run")
    in_an_editor = await montage("edit", "welcome/mix", "--dry-run")

    assert (str(service.pipelines), str(service.nodes)) == before
    assert (pipeline.code, pipeline.stdout) == (0, "would create pipelines/other\n")
    assert (node.code, node.stdout) == (0, "would create pipelines/welcome/nodes/new\n")
    assert node.stderr == "it could not run yet:\n  config.provider: is required\n"
    assert title.stdout == 'title: "Welcome" → "Film"\nnothing was changed\n'
    assert setting.stdout == 'provider: not set → "ffmpeg"\nnothing was changed\n'
    assert in_an_editor.code == 2


async def test_create_of_a_taken_id_says_what_to_do(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome")

    ended = await montage("create", "welcome")

    assert ended.code == 3
    assert ended.stderr == (
        "error: 'pipelines/welcome' exists already.\nhint: choose another id, or 'montage edit' the one that is there\n"
    )


async def test_edit_set_changes_title_and_settings_by_the_kinds_of_the_type(
    montage: Montage, service: FakeService
) -> None:
    service.given_pipeline("welcome", ("mix", "mix-audio", ()))
    node = service.nodes[WELCOME][0]
    node.config.update({"provider": "ffmpeg", "audioVolume": 1})

    changed = await montage(
        "edit", "welcome/mix", "--set", "audioVolume=0.5", "--set", "title=New", "--unset", "provider"
    )
    wrong = await montage("edit", "welcome/mix", "--set", "audioVolume=loud")
    uneven = await montage("create", "welcome/new", "--type", "mix-audio", "--set", "cropTop=abc")
    pipeline = await montage("edit", "welcome", "--set", "title=Film", "--set", "labels.team=red")
    unlabelled = await montage("edit", "welcome", "--unset", "labels.team")
    labelled = await montage("edit", "welcome/mix", "--set", "labels.cut=2")
    missing = await montage("edit", "welcome/mix", "--unset", "labels.team")
    unknown = await montage("edit", "welcome", "--set", "colour=red")

    assert changed.stdout == 'audioVolume: 1 → 0.5\ntitle: not set → "New"\nprovider: "ffmpeg" → not set\n'
    assert (node.title, dict(node.config)) == ("New", {"audioVolume": 0.5})
    assert uneven.stderr == "error: mix-audio: config.cropTop: expected a whole number, found 'abc'\n"
    assert (wrong.code, wrong.stderr) == (3, "error: mix: config.audioVolume: expected a number, found 'loud'\n")
    assert pipeline.stdout == 'title: "Welcome" → "Film"\nlabels.team: not set → "red"\n'
    assert unlabelled.stdout == 'labels.team: "red" → not set\n'
    assert (labelled.stdout, dict(node.labels)) == ('labels.cut: not set → "2"\n', {"cut": "2"})
    assert (missing.code, missing.stderr) == (3, "error: 'labels.team' is not set; nothing to unset\n")
    assert unknown.code == 3
    assert "a pipeline has no 'colour' to set" in unknown.stderr


async def test_edit_shows_the_difference_and_imports_what_came_back(montage: Montage, service: FakeService) -> None:
    await montage("import", "welcome.yaml")
    keep_texts_here(montage)
    editor(montage, "sed -i 's/Hello/Good morning/'")

    ended = await montage("edit", "welcome")

    assert (ended.code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert "-      content: Hello" in lines
    assert "+      content: Good morning" in lines
    assert lines[-1] == "imported pipelines/welcome: 3 added"
    assert service.documents[-1]["nodes"][0]["asset"]["content"] == "Good morning"
    assert kept_texts(montage) == []


async def test_edit_tells_what_it_changed_of_the_pipeline_itself(montage: Montage) -> None:
    await montage("import", "welcome.yaml")
    editor(montage, "sed -i '1a title: Film'")

    edited = await montage("edit", "welcome")
    (montage.folder / "welcome.yaml").write_text(f"title: Film\nlabels: {{team: red}}\n{DOCUMENT}")
    validated = await montage("validate", "welcome.yaml")

    assert edited.stdout.splitlines()[-1] == "imported pipelines/welcome: title changed, 3 added"
    assert validated.stdout == "welcome.yaml is good; an import would change the labels, add 3 nodes\n"


async def test_edit_that_changes_nothing_imports_nothing(montage: Montage, service: FakeService) -> None:
    await montage("import", "welcome.yaml")
    editor(montage, "true")

    ended = await montage("edit", "welcome")

    assert (ended.code, ended.stdout) == (0, "nothing was changed\n")
    assert len(service.documents) == 1


async def test_edit_meanwhile_changed_by_somebody_else_is_refused_and_the_text_kept(
    montage: Montage, service: FakeService
) -> None:
    await montage("import", "welcome.yaml")
    keep_texts_here(montage)
    begun, go_on = montage.folder / "begun", montage.folder / "go-on"
    editor(montage, f'sed -i s/Hello/Bye/ "$1"; touch {begun}; while [ ! -e {go_on} ]; do sleep 0.02; done; true')
    process = await montage.start("edit", "welcome")
    async with asyncio.timeout(PATIENCE_S):
        while not begun.exists():  # noqa: ASYNC110 # the editor is another process
            await asyncio.sleep(0.02)

    service.pipelines[WELCOME].etag = "another"
    go_on.touch()
    ended = await montage.end_of(process)

    [text] = kept_texts(montage)
    assert ended.code == 3
    assert ended.stderr == (
        f"your text is kept in {text}\n"
        "error: The etag is another one by now.\nhint: somebody else was faster; look again and repeat\n"
    )
    assert "content: Bye" in text.read_text()
    assert len(service.documents) == 1


async def test_edit_dry_run_in_the_editor_shows_checks_and_keeps_the_text(
    montage: Montage, service: FakeService
) -> None:
    await montage("import", "welcome.yaml")
    keep_texts_here(montage)
    editor(montage, "sed -i s/Hello/Bye/")
    before = str(service.pipelines), str(service.nodes)

    rehearsed = await montage("edit", "welcome", "--dry-run")
    [text] = kept_texts(montage)

    assert rehearsed.code == 0
    assert "+      content: Bye" in rehearsed.stdout
    assert rehearsed.stdout.endswith("it is good; nothing was changed\n")
    assert rehearsed.stderr == f"your text is kept in {text}\n"
    assert "content: Bye" in text.read_text()
    assert (str(service.pipelines), str(service.nodes)) == before

    editor(montage, "sed -i s/nodes:/knots/")
    broken = await montage("edit", "welcome", "--dry-run")
    assert broken.code == 3
    assert "problem" in broken.stderr


async def test_edit_with_problems_or_another_id_is_refused(montage: Montage) -> None:
    await montage("import", "welcome.yaml")
    keep_texts_here(montage)
    editor(montage, "sed -i s/nodes:/knots/")
    broken = await montage("edit", "welcome")
    [text] = kept_texts(montage)
    editor(montage, "sed -i 's/id: welcome/id: other/'")
    renamed = await montage("edit", "welcome")
    montage.environment["EDITOR"] = "/no/such/editor"
    without = await montage("edit", "welcome")

    assert broken.code == renamed.code == without.code == 3
    assert broken.stderr.splitlines()[:2] == [
        f"your text is kept in {text}",
        f"{text} has 1 problem; nothing was changed:",
    ]
    assert "expected 'welcome': an edit does not rename" in renamed.stderr
    assert "cannot start the editor '/no/such/editor'" in without.stderr


async def test_edit_without_terminal_and_editor_starts_none(montage: Montage) -> None:
    await montage("import", "welcome.yaml")

    ended = await montage("edit", "welcome")

    assert (ended.code, ended.stdout) == (2, "")
    assert "there is no terminal to edit on; use --set, or name a program in EDITOR" in ended.stderr


async def test_delete_asks_unless_told_and_takes_what_was_seen(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("text", "asset", ()), ("film", "noop", ("text",)))
    service.nodes[WELCOME][1].execution = "busy"

    asked = await montage("delete", "welcome")
    node = await montage("delete", "welcome/text", "--yes")
    busy = await montage("delete", "welcome", "--yes")
    forced = await montage("delete", "welcome", "--force", "-o", "json")

    assert (asked.code, "say --yes" in asked.stderr) == (2, True)
    assert (node.code, node.stdout) == (0, "deleted pipelines/welcome/nodes/text\n")
    assert (busy.code, busy.stderr) == (3, "error: These nodes run: film.\n")
    assert (forced.code, forced.json) == (0, {"deleted": WELCOME})
    assert service.pipelines == {}


async def test_lists_pass_filter_labels_and_order_on(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))

    await montage("list", "-l", "team=red", "-l", "urgent", "--order-by", "title")
    nodes = await montage("list", "welcome", "--filter", "state = FAILED OR type = noop", "-l", "team=red")
    await montage("executions", "welcome", "--filter", "attempt > 1")
    await montage("runs", "welcome", "--filter", "state = FAILED", "--order-by", "create_time")

    assert service.filters == [
        ('labels.team = "red" AND labels:urgent', "title"),
        ('(state = FAILED OR type = noop) AND labels.team = "red"', ""),
        ("attempt > 1", ""),
        ("state = FAILED", "create_time"),
    ]
    assert nodes.stdout.splitlines()[1].split()[:3] == ["film", "noop", "pending"]

"""How far a job is, told to whoever watches."""

from typing import Any

from media_lambda.progress import Progress


class Watcher:
    """Takes what is told until it leaves, on a clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.is_there = True
        self.told: list[tuple[float, float, str]] = []

    def tell(self, report: dict[str, Any]) -> bool:
        assert report["event"] == "progress"
        self.told.append((self.now_s, report["progress"], report["message"]))
        return self.is_there

    def progress(self, **options: Any) -> Progress:
        return Progress(tell=self.tell, clock=lambda: self.now_s, **options)


def test_progress_of_several_commands_only_grows_and_counts_their_shares() -> None:
    watcher = Watcher()
    progress = watcher.progress()

    for purpose, share in (("prepare segments[0] (s3://b/key)", 0.9), ("measure", 0.0), ("join the segments", 0.1)):
        command = progress.command(purpose, share=share, output_s=10)
        for made_s in (0, 5, 10):
            watcher.now_s += 2
            command.made(made_s)

    assert [(percent, stage) for _, percent, stage in watcher.told] == [
        *((percent, "prepare segments[0]") for percent in (0, 45, 90)),
        *((90, "measure"),) * 3,
        *((percent, "join the segments") for percent in (90, 95, 100)),
    ]


def test_progress_of_a_draft_leaves_room_for_its_mark() -> None:
    watcher = Watcher()
    progress = watcher.progress(total=2.0)

    watcher.now_s = 2
    progress.command("join the segments", share=1.0, output_s=10).made(10)
    watcher.now_s = 4
    progress.command("mark the draft", share=1.0, output_s=10).made(5)

    assert [percent for _, percent, _ in watcher.told] == [50, 75]


def test_progress_is_told_after_a_second_and_then_every_two() -> None:
    watcher = Watcher()
    command = watcher.progress().command("encode", share=1, output_s=100)

    for tenth in range(60):
        watcher.now_s = tenth / 10
        command.made(tenth)

    assert [when_s for when_s, _, _ in watcher.told] == [1.0, 3.0, 5.0]


def test_watcher_who_does_not_answer_is_not_asked_again() -> None:
    watcher = Watcher()
    watcher.is_there = False
    command = watcher.progress().command("encode", share=1, output_s=100)

    for second in range(9):
        watcher.now_s = second
        command.made(second)

    assert len(watcher.told) == 1


def test_progress_without_a_watcher_goes_to_the_log_alone() -> None:
    Progress(tell=None, clock=lambda: 5.0).command("encode", share=1, output_s=1).made(1)

"""What health checkers are told about the things that the service needs."""

import asyncio

from structlog.testing import capture_logs

from pipeline_service.dependencies import Dependencies


class Health:
    """What was told last, by name."""

    def __init__(self) -> None:
        self.told: dict[str, bool] = {}

    async def set_serving(self, service: str, *, serving: bool) -> None:
        self.told[service] = serving


async def test_dependency_is_told_away_and_there_again() -> None:
    health, is_away = Health(), True

    async def database() -> None:
        if is_away:
            raise ConnectionError("host and password")

    async def nats() -> None:
        pass

    looks = Dependencies({"database": database, "nats": nats}, set_serving=health.set_serving)
    await looks.look()
    away = dict(health.told)
    is_away = False
    await looks.look()

    assert away == {"montage.database": False, "montage.nats": True}
    assert health.told == {"montage.database": True, "montage.nats": True}


async def test_dependency_that_is_not_there_yet_at_the_first_look_is_logged_at_the_second() -> None:
    async def queue() -> None:
        raise ConnectionError

    looks = Dependencies({"queue": queue}, set_serving=Health().set_serving)
    with capture_logs() as first:
        await looks.look()
    with capture_logs() as second:
        await looks.look()
        await looks.look()

    assert first == []
    assert [(one["event"], one["dependency"], one["is_there"]) for one in second] == [
        ("dependency_changed", "queue", False)
    ]


async def test_check_that_does_not_answer_is_away() -> None:
    health = Health()

    async def never() -> None:
        await asyncio.Event().wait()

    await Dependencies({"store": never}, set_serving=health.set_serving, timeout_s=0.01).look()

    assert health.told == {"montage.store": False}

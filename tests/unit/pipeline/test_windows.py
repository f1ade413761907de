"""What this process believes of its task queues, between two counts."""

from datetime import timedelta

from pipeline_service.commands.ports import Line, QueueLoad
from pipeline_service.commands.windows import Windows
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import Owner, TaskQueue
from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.relay.slots import Slots
from tests.factories import NOW, OWNER

LOCAL, FFMPEG, FETCH, HEYGEN = (Line(TaskQueue(name)) for name in ("local", "ffmpeg", "fetch", "heygen"))
RED = Owner("red")


def some_windows() -> Windows:
    return Windows(fixed={FFMPEG.queue: 3}, slots=lambda queue: 5 if queue == LOCAL.queue else 0)


def a_commit(
    *, taken: int = 0, lined_up: bool = False, queue: TaskQueue = FFMPEG.queue, owner: Owner = OWNER
) -> WorkingSet:
    ws = WorkingSet(now=NOW, structures={}, sequences={}, owners={})
    ws.places_taken[queue, owner] = taken
    ws.lined_up = {(queue, owner)} if lined_up else set()
    return ws


def test_window_is_what_the_operator_says_or_two_for_each_slot_or_64() -> None:
    windows = some_windows()

    assert [windows.size(line) for line in (FFMPEG, LOCAL, FETCH)] == [3, 10, 64]


def test_room_follows_what_is_committed_and_what_is_counted() -> None:
    windows = some_windows()
    windows.committed(a_commit(taken=2))
    assert windows.room(FFMPEG.queue, OWNER) == 1

    windows.counted({FFMPEG: QueueLoad(out=7, has_line=False)})
    assert windows.room(FFMPEG.queue, OWNER) == 0

    windows.committed(a_commit(taken=-6))
    assert windows.room(FFMPEG.queue, OWNER) == 2
    windows.counted({})
    assert windows.room(FFMPEG.queue, OWNER) == 3


def test_nobody_passes_a_line_though_there_is_room() -> None:
    windows = some_windows()
    windows.committed(a_commit(lined_up=True))
    assert (windows.room(FFMPEG.queue, OWNER), windows.free(FFMPEG)) == (0, 3)

    windows.counted({})
    assert windows.room(FFMPEG.queue, OWNER) == 3


def test_bell_rings_for_a_new_line_and_for_room_in_front_of_an_old_one() -> None:
    windows = some_windows()
    windows.counted({FFMPEG: QueueLoad(out=3, has_line=False)})
    windows.committed(a_commit(lined_up=True))
    assert windows.bell.is_set()
    windows.bell.clear()

    windows.committed(a_commit(lined_up=True))
    assert not windows.bell.is_set()

    windows.committed(a_commit(taken=-1))
    assert windows.bell.is_set()


def test_bell_does_not_ring_where_nobody_waits() -> None:
    windows = some_windows()

    windows.committed(a_commit(taken=-1))

    assert not windows.bell.is_set()


class TestSlots:
    def test_slots_of_all_executors_are_added_and_silent_ones_forgotten(self) -> None:
        now = [0.0]
        slots = Slots(clock=lambda: now[0])
        slots.hear(LOCAL.queue, b'{"worker": "a", "slots": 4}')
        slots.hear(FFMPEG.queue, b'{"worker": "a", "slots": 1}')
        now[0] = 15.0
        slots.hear(LOCAL.queue, b'{"worker": "b", "slots": 2}')
        assert (slots.of(LOCAL.queue), slots.of(FFMPEG.queue), slots.of(FETCH.queue)) == (6, 1, 0)

        now[0] = 21.0

        assert (slots.of(LOCAL.queue), slots.of(FFMPEG.queue)) == (2, 0)

    def test_executor_that_stops_takes_its_slots_along(self) -> None:
        slots = Slots(clock=lambda: 0.0)
        slots.hear(LOCAL.queue, b'{"worker": "a", "slots": 4}')

        slots.hear(LOCAL.queue, b'{"worker": "a", "slots": 0}')

        assert slots.of(LOCAL.queue) == 0

    def test_what_is_no_announcement_changes_nothing(self) -> None:
        slots = Slots(clock=lambda: 0.0)
        slots.hear(LOCAL.queue, b'{"worker": "a", "slots": 4}')

        for body in (b"", b"[]", b"{}", b'{"worker": "b", "slots": "many"}', b"\xff", b'{"worker": "b"}'):
            slots.hear(LOCAL.queue, body)

        assert slots.of(LOCAL.queue) == 4


def a_vendors_windows() -> Windows:
    return Windows(fixed={}, slots=lambda _queue: 100, concurrency={HEYGEN.queue: 3})


def test_window_of_a_vendors_queue_is_what_the_vendor_takes_however_many_slots_there_are() -> None:
    windows = a_vendors_windows()

    assert windows.size(HEYGEN) == 3
    assert [windows.is_vendors(line) for line in (HEYGEN, LOCAL)] == [True, False]


def test_operator_may_make_the_window_of_a_vendors_queue_smaller_and_not_wider() -> None:
    for fixed, size in ((2, 2), (9, 3)):
        windows = Windows(fixed={HEYGEN.queue: fixed}, slots=lambda _queue: 100, concurrency={HEYGEN.queue: 3})
        assert windows.size(HEYGEN) == size


def test_vendor_that_is_left_alone_has_no_room_and_rings_no_bell() -> None:
    windows = a_vendors_windows()
    windows.counted({HEYGEN: QueueLoad(out=1, has_line=True)})
    paused = VendorLimit(vendor="heygen", maximum=3, not_before=NOW + timedelta(seconds=1))
    windows.learned([paused], now=NOW)
    windows.bell.clear()

    windows.committed(a_commit())

    assert windows.free(HEYGEN) == 0
    assert not windows.bell.is_set()


def test_vendor_that_is_to_be_probed_has_room_for_one_beside_what_it_works_on() -> None:
    windows = a_vendors_windows()
    windows.counted({HEYGEN: QueueLoad(out=1, has_line=True)})

    windows.learned([VendorLimit(vendor="heygen", maximum=3, open_until=NOW)], now=NOW)

    assert windows.free(HEYGEN) == 1


def the_keys_of_two(*, shared_in_use: int) -> Windows:
    """Of the owner `red`, and the shared one, of three places each."""
    windows = a_vendors_windows()
    windows.counted({HEYGEN: QueueLoad(out=shared_in_use, has_line=shared_in_use > 3)})
    windows.learned([VendorLimit(vendor="heygen", credential=key, maximum=3) for key in ("", RED)], now=NOW)
    return windows


def test_owner_with_a_key_of_its_own_has_room_behind_a_full_line_of_the_shared_one() -> None:
    windows = the_keys_of_two(shared_in_use=4)

    assert [windows.room(HEYGEN.queue, owner) for owner in (RED, OWNER)] == [3, 0]


def test_what_an_owner_takes_with_its_own_key_leaves_the_shared_room_as_it_is() -> None:
    windows = the_keys_of_two(shared_in_use=1)

    windows.committed(a_commit(taken=3, lined_up=True, queue=HEYGEN.queue, owner=RED))

    assert [windows.room(HEYGEN.queue, owner) for owner in (RED, OWNER)] == [0, 2]


def test_owner_whose_key_was_forgotten_waits_with_all_others() -> None:
    windows = the_keys_of_two(shared_in_use=4)

    windows.learned([VendorLimit(vendor="heygen", maximum=3)], now=NOW)

    assert windows.room(HEYGEN.queue, RED) == 0

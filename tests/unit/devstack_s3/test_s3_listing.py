"""Pages of a listing against the plain reading of what ListObjectsV2 means."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from devstack.s3.checksums import ETag
from devstack.s3.listing import Entry, KeyIndex

KEYS = st.sets(st.text(alphabet="ab/é\U0001f600", min_size=1, max_size=6), max_size=20)


def an_index(keys: set[str]) -> KeyIndex:
    index = KeyIndex()
    for key in keys:
        index.put(Entry(key=key, size_bytes=1, etag=ETag("00"), modified=datetime(2026, 1, 1, tzinfo=UTC)))
    return index


def expected_listing(keys: set[str], *, prefix: str, delimiter: str) -> list[str]:
    """Every key with the prefix, cut behind the first delimiter, once each, in the order of their UTF-8 bytes."""
    shown = set()
    for key in keys:
        if key.startswith(prefix):
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key[len(prefix) :], "", "")
            shown.add(prefix + head + found)
    return sorted(shown, key=str.encode)


@given(
    keys=KEYS,
    prefix=st.sampled_from(["", "a", "a/", "é"]),
    delimiter=st.sampled_from(["", "/", "b"]),
    limit=st.integers(min_value=1, max_value=7),
)
def test_page_walk_shows_every_key_and_common_prefix_once(
    keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    index = an_index(keys)
    shown: list[str] = []
    start: str | None = ""

    while start is not None:
        page = index.page(prefix=prefix, delimiter=delimiter, start=start, limit=limit)
        items = [*(entry.key for entry in page.entries), *page.common_prefixes]
        assert 0 < len(items) <= limit or not shown
        shown += sorted(items, key=str.encode)
        start = page.resume_at

    assert shown == expected_listing(keys, prefix=prefix, delimiter=delimiter)


@given(keys=KEYS)
def test_remove_leaves_the_other_keys(keys: set[str]) -> None:
    index = an_index(keys)
    removed = set(sorted(keys)[::2])

    for key in removed:
        index.remove(key)

    page = index.page(prefix="", delimiter="", start="", limit=100)
    assert [entry.key for entry in page.entries] == sorted(keys - removed, key=str.encode)
    assert all(index.get(key) is None for key in removed)


def test_page_of_no_keys_is_the_last_one() -> None:
    page = an_index({"a"}).page(prefix="", delimiter="", start="", limit=0)

    assert page.entries == ()
    assert page.resume_at is None

"""Uploads and downloads over real HTTP."""

import os
from pathlib import Path

import pytest

from montage_cli.assets import AssetFile, read_asset
from montage_cli.client import MontageClient
from montage_cli.errors import MontageError
from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.fake_store import FakeStore

CONTENT = os.urandom(900_000)


@pytest.fixture
def file(tmp_path: Path) -> AssetFile:
    path = tmp_path / "music.wav"
    path.write_bytes(CONTENT)
    return read_asset(path)


@pytest.fixture
def film(service: FakeService, store: FakeStore) -> str:
    """A node with an output."""
    name = service.given_pipeline("welcome", ("film", "merge-videos", ()))
    service.nodes[name][0].output.CopyFrom(store.given_output("film.mp4", content=CONTENT))
    return f"{name}/nodes/film"


async def test_upload_sends_exactly_the_headers_that_were_signed(
    client: MontageClient, store: FakeStore, file: AssetFile
) -> None:
    progress: list[tuple[int, int]] = []

    source = await client.upload_asset(file, on_bytes=lambda done, size: progress.append((done, size)))

    key = f"assets/default/sha256/{file.sha256}.wav"
    assert source == f"asset:sha256/{file.sha256}.wav"
    assert store.objects[key] == CONTENT
    assert store.headers[key]["content-type"] == "audio/wav"
    assert store.headers[key]["x-amz-meta-sha256"] == file.sha256
    assert store.headers[key]["content-length"] == "900000"
    assert "transfer-encoding" not in store.headers[key]
    assert progress[-1] == (900_000, 900_000)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


async def test_upload_of_bytes_that_are_there_sends_nothing(
    client: MontageClient, store: FakeStore, file: AssetFile
) -> None:
    await client.upload_asset(file)

    await client.upload_asset(file)

    assert store.puts == 1


@pytest.mark.parametrize("code", [503, 500, 403, 412, 429])
async def test_upload_that_fails_once_is_repeated_with_a_fresh_url(
    client: MontageClient, service: FakeService, store: FakeStore, file: AssetFile, code: int
) -> None:
    store.faults.answers = [code]

    await client.upload_asset(file)

    assert service.calls["CreateAsset"] == 2
    assert len(store.objects) == 1


async def test_upload_that_is_refused_is_not_repeated_and_keeps_the_url_secret(
    client: MontageClient, store: FakeStore, file: AssetFile
) -> None:
    store.faults.answers = [400]

    with pytest.raises(MontageError, match=r"upload of music\.wav failed: the store answered 400") as caught:
        await client.upload_asset(file)

    assert "X-Amz" not in str(caught.value)
    assert store.puts == 1


async def test_upload_of_a_file_that_shrank_is_told(client: MontageClient, store: FakeStore, file: AssetFile) -> None:
    file.path.write_bytes(CONTENT[:1000])

    with pytest.raises(
        MontageError, match=r"music\.wav changed while it was uploaded: expected 900000 bytes, found 1000"
    ):
        await client.upload_asset(file)

    assert store.objects == {}


async def test_download_appears_complete_or_not_at_all(client: MontageClient, film: str, tmp_path: Path) -> None:
    path = tmp_path / "out" / "film.mp4"

    assert await client.download(film, path) == path

    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["film.mp4"]


@pytest.mark.parametrize("fault", ["truncate_gets", "corrupt_gets", "lengthen_gets"])
async def test_download_with_damaged_bytes_is_repeated(
    client: MontageClient, store: FakeStore, film: str, tmp_path: Path, fault: str
) -> None:
    setattr(store.faults, fault, 1)

    await client.download(film, tmp_path / "out" / "film.mp4")

    assert store.gets == 2
    assert (tmp_path / "out" / "film.mp4").read_bytes() == CONTENT


async def test_download_that_stays_damaged_leaves_the_old_file_alone(
    client: MontageClient, store: FakeStore, film: str, tmp_path: Path
) -> None:
    path = tmp_path / "out" / "film.mp4"
    path.parent.mkdir()
    path.write_bytes(b"old")
    store.faults.corrupt_gets = 99

    with pytest.raises(MontageError, match="expected the checksum") as caught:
        await client.download(film, path)

    assert "X-Amz" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["film.mp4"]


async def test_download_into_a_place_that_cannot_be_written_is_told(
    client: MontageClient, film: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(MontageError, match="cannot write"):
        await client.download(film, tmp_path / "file" / "film.mp4")


async def test_download_of_nothing_is_refused(client: MontageClient, service: FakeService, tmp_path: Path) -> None:
    name = service.given_pipeline("welcome", ("film", "merge-videos", ()))

    with pytest.raises(MontageError) as caught:
        await client.download(f"{name}/nodes/film", tmp_path / "film.mp4")

    assert caught.value.reason == "OUTPUT_MISSING"

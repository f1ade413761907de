"""What survives: restarts, SIGKILL, clients that vanish, writers that race.

Ours only: moto keeps everything in memory.
"""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.contract.s3.servers import ROOT, SECRET_KEY, Answer, Endpoint, OurServer, our_server, send, wait_until
from tests.contract.s3.signing import presign, signed_headers, utc_now
from tests.patience import PATIENCE_S

MIB = 1024 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OurServer]:
    """A server of one test, not started yet."""
    with our_server(tmp_path / "s3") as found:
        yield found


class SlowPut:
    """A PUT whose body is sent in pieces, so that things can happen in between."""

    def __init__(self, endpoint: Endpoint, key: str, *, size_bytes: int, headers: dict[str, str] | None = None) -> None:
        url = f"{endpoint.url}/montage/{key}"
        signed = signed_headers("PUT", url, at=utc_now(), payload_hash="UNSIGNED-PAYLOAD", headers=headers)
        parts = urlsplit(url)
        self.left = size_bytes
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE_S)
        lines = [f"PUT {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in signed.items())]
        head = "\r\n".join([*lines, f"content-length: {size_bytes}", "", ""])
        self._socket.sendall(head.encode())

    def send(self, body: bytes) -> None:
        """Send some of the body."""
        self.left -= len(body)
        self._socket.sendall(body)

    def finish(self) -> Answer:
        """Send the rest (as `x`) and read the answer."""
        self.send(b"x" * self.left)
        with self._socket.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            headers = {}
            while line := stream.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return Answer(status=status, headers=headers, body=stream.read(int(headers.get("content-length", "0"))))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def begin_put(server: OurServer, endpoint: Endpoint, key: str, headers: dict[str, str] | None = None) -> SlowPut:
    """An upload of 4 MiB of which 2 MiB have reached the server's disk."""
    older = set(drafts(server))
    upload = SlowPut(endpoint, key, size_bytes=4 * MIB, headers=headers)
    upload.send(b"x" * (2 * MIB))
    wait_until(lambda: any(path.stat().st_size >= MIB for path in set(drafts(server)) - older), what="a draft")
    return upload


def drafts(server: OurServer) -> list[Path]:
    """The server's unfinished files."""
    return list((server.data / "drafts").iterdir())


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_objects_and_uploads_survive_a_restart(server: OurServer, end: str) -> None:
    with server.start().client() as s3:
        s3.create_bucket(Bucket="montage")
        s3.put_object(
            Bucket="montage", Key="größe/film.mp4", Body=b"film", Metadata={"a": "1"}, ContentType="video/mp4"
        )
        s3.put_object(Bucket="montage", Key="gone", Body=b"1")
        s3.delete_object(Bucket="montage", Key="gone")
        created = s3.list_buckets()["Buckets"][0]["CreationDate"]
        before = s3.list_objects_v2(Bucket="montage")["Contents"]
        upload_id = s3.create_multipart_upload(Bucket="montage", Key="big")["UploadId"]
        part = s3.upload_part(Bucket="montage", Key="big", UploadId=upload_id, PartNumber=1, Body=b"part")

    getattr(server, end)()

    with server.start().client() as s3:
        got = s3.get_object(Bucket="montage", Key="größe/film.mp4")
        assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"film", {"a": "1"}, "video/mp4")
        assert s3.list_objects_v2(Bucket="montage")["Contents"] == before
        assert s3.list_buckets()["Buckets"][0]["CreationDate"] == created
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(Bucket="montage", Key="big", UploadId=upload_id, MultipartUpload=parts)  # type: ignore[arg-type] # a plain dict will do
        assert s3.get_object(Bucket="montage", Key="big")["Body"].read() == b"part"


def test_kill_in_the_middle_of_an_upload_leaves_no_half_object(server: OurServer) -> None:
    endpoint = server.start()
    with endpoint.client() as s3:
        s3.create_bucket(Bucket="montage")
        s3.put_object(Bucket="montage", Key="old", Body=b"complete")
    with closing(begin_put(server, endpoint, "new")), closing(begin_put(server, endpoint, "old")):
        server.kill()

    with server.start().client() as s3:
        assert [item["Key"] for item in s3.list_objects_v2(Bucket="montage")["Contents"]] == ["old"]
        assert s3.get_object(Bucket="montage", Key="old")["Body"].read() == b"complete"
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket="montage", Key="new")
        assert code_of(error) == "NoSuchKey"
        assert drafts(server) == []


def test_client_that_hangs_up_leaves_nothing(server: OurServer) -> None:
    endpoint = server.start()
    with endpoint.client() as s3:
        s3.create_bucket(Bucket="montage")
        with closing(begin_put(server, endpoint, "k")):
            pass

        wait_until(lambda: drafts(server) == [], what="the draft to be removed")

        assert s3.list_objects_v2(Bucket="montage")["KeyCount"] == 0


def test_many_writers_of_one_key_with_if_none_match_exactly_one_wins(server: OurServer) -> None:
    endpoint = server.start()
    with endpoint.client() as s3:
        s3.create_bucket(Bucket="montage")

        def write(number: int) -> str:
            try:
                s3.put_object(Bucket="montage", Key="once", Body=b"%d" % number, IfNoneMatch="*")
            except ClientError as err:
                return err.response["Error"]["Code"]
            return "won"

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(write, range(32)))

        assert sorted(outcomes) == ["PreconditionFailed"] * 31 + ["won"]
        assert s3.get_object(Bucket="montage", Key="once")["Body"].read() == b"%d" % outcomes.index("won")


def test_overlapping_uploads_with_if_none_match_first_to_end_wins(server: OurServer) -> None:
    endpoint = server.start()
    with endpoint.client() as s3:
        s3.create_bucket(Bucket="montage")
    once = {"if-none-match": "*"}

    with (
        closing(begin_put(server, endpoint, "k", once)) as first,
        closing(begin_put(server, endpoint, "k", once)) as second,
    ):
        answers = [second.finish(), first.finish()]

    assert [answer.status for answer in answers] == [200, 412]
    assert answers[1].code == "PreconditionFailed"


def test_delete_during_a_conditional_upload_is_a_conflict(server: OurServer) -> None:
    endpoint = server.start()
    with endpoint.client() as s3:
        s3.create_bucket(Bucket="montage")
        with closing(begin_put(server, endpoint, "k", {"if-none-match": "*"})) as upload:
            s3.put_object(Bucket="montage", Key="k", Body=b"another")
            s3.delete_object(Bucket="montage", Key="k")

            answer = upload.finish()

        assert (answer.status, answer.code) == (409, "ConditionalRequestConflict")
        assert s3.list_objects_v2(Bucket="montage")["KeyCount"] == 0


def test_reader_of_a_replaced_object_gets_the_old_bytes_to_the_end(server: OurServer) -> None:
    with server.start().client() as s3:
        s3.create_bucket(Bucket="montage")
        s3.put_object(Bucket="montage", Key="k", Body=b"a" * (16 * MIB))
        body = s3.get_object(Bucket="montage", Key="k")["Body"]
        first = body.read(MIB)

        s3.put_object(Bucket="montage", Key="k", Body=b"b" * (16 * MIB))

        assert set(first + body.read()) == {ord("a")}


def test_upload_and_download_of_200_mb_need_constant_memory(server: OurServer, tmp_path: Path) -> None:
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(200 * 1000 * 1000)
    with server.start().client() as s3:
        s3.create_bucket(Bucket="montage")
        s3.put_object(Bucket="montage", Key="small", Body=b"x" * (4 * MIB))
        before = peak_memory_bytes(server.pid)

        with big.open("rb") as file:
            s3.put_object(Bucket="montage", Key="big", Body=file)
        received = sum(len(piece) for piece in s3.get_object(Bucket="montage", Key="big")["Body"].iter_chunks(MIB))

        assert received == 200 * 1000 * 1000
        assert peak_memory_bytes(server.pid) - before < 24 * MIB


def peak_memory_bytes(pid: int) -> int:
    """The largest resident size a process has had (Linux)."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) * 1024


def test_stop_ends_the_server_in_order(server: OurServer) -> None:
    server.start()

    assert server.stop() == 0
    assert not server.ready_file.exists()


def test_log_and_command_line_hold_no_secret(server: OurServer) -> None:
    endpoint = server.start()
    url = presign("GET", f"{endpoint.url}/montage/k", at=utc_now())

    answer = send("PUT", url, body=b"forged")

    assert answer.status == 403
    log = server.log.read_text()
    assert "SignatureDoesNotMatch" in [json.loads(line).get("code") for line in log.splitlines()]
    command = Path(f"/proc/{server.pid}/cmdline").read_text()
    for secret in (SECRET_KEY, "X-Amz-Signature", url.rpartition("=")[2]):
        assert secret not in log + command


def test_second_server_on_the_same_folder_is_refused(server: OurServer, tmp_path: Path) -> None:
    server.start()
    credentials = tmp_path / "s3" / "credentials.json"

    code, error = run_server(server.data, credentials)

    assert code == 1
    assert "another server holds the lock" in error


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        ("[]", 0o644, "expected mode 0600, found 0644"),
        ("[]", 0o600, "at least one credential"),
        ("{", 0o600, "expected JSON"),
        ('[{"access_key": "a", "secret_key": ""}]', 0o600, "[0].secret_key"),
        ('[{"access_key": "a", "secret_key": "b", "principal": "c", "more": 1}]', 0o600, "['more']"),
        (
            '[{"access_key": "a", "secret_key": "b", "principal": "c", "allow": [{"actions": ["Fly"]}]}]',
            0o600,
            "['Fly']",
        ),
    ],
)
def test_bad_credentials_file_stops_the_start(tmp_path: Path, content: str, mode: int, problem: str) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text(content)
    credentials.chmod(mode)

    code, error = run_server(tmp_path / "data", credentials)

    assert code == 1
    assert problem in error
    assert not (tmp_path / "data").exists()


def run_server(data: Path, credentials: Path) -> tuple[int, str]:
    """Start a server that is expected to refuse; answers its exit code and what it said."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "devstack.s3", "--listen", "127.0.0.1:0"),
            *("--data", str(data), "--credentials", str(credentials)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stderr

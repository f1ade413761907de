"""An object store over real HTTP, with switchable faults."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from montage.v1.resources_pb2 import MEDIA_TYPE_VIDEO, Output


@dataclass
class StoreFaults:
    """What goes wrong with the next transfers."""

    answers: list[int] = field(default_factory=list)
    """Status codes that the next requests are answered with."""
    truncate_gets: int = 0
    corrupt_gets: int = 0
    lengthen_gets: int = 0


class FakeStore:
    """Objects by key, and the headers that they came with."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.faults = StoreFaults()
        self.puts = 0
        self.gets = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url_of(self, key: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{key}?X-Amz-Signature=secret"

    def given_output(self, key: str, *, content: bytes) -> Output:
        self.objects[key] = content
        digest = hashlib.sha256(content).hexdigest()
        return Output(
            type=MEDIA_TYPE_VIDEO, s3_key=key, size_bytes=len(content), sha256=digest, content_type="video/mp4"
        )


class _Handler(BaseHTTPRequestHandler):
    """One request; each server has a subclass with its own self.store."""

    store: FakeStore

    def do_PUT(self) -> None:  # the name that http.server looks for
        self.store.puts += 1
        size = int(self.headers["Content-Length"])
        content = self.rfile.read(size)
        if len(content) < size or self._failed():
            return
        self.store.objects[self._key()] = content
        self.store.headers[self._key()] = {name.lower(): value for name, value in self.headers.items()}
        self._answer(200)

    def do_GET(self) -> None:  # as above
        self.store.gets += 1
        if self._failed():
            return
        content = self.store.objects[self._key()]
        if self.store.faults.corrupt_gets:
            self.store.faults.corrupt_gets -= 1
            content = bytes([content[0] ^ 1]) + content[1:]
        if self.store.faults.lengthen_gets:
            self.store.faults.lengthen_gets -= 1
            content += b"more"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.store.faults.truncate_gets:
            self.store.faults.truncate_gets -= 1
            content = content[:-1]
            self.close_connection = True
        self.wfile.write(content)

    def _failed(self) -> bool:
        if self.store.faults.answers:
            self._answer(self.store.faults.answers.pop(0))
            return True
        return False

    def _answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _key(self) -> str:
        return self.path.removeprefix("/").partition("?")[0]

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

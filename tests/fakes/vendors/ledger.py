"""A vendor of no kind in particular: takes jobs, takes its time, and keeps a bill that only it can write.

    python tests/fakes/vendors/ledger.py --bill FILE [--port 0] [--ready FILE] [--lose-every N] [--at-once N]

Two vendors in one process. `/keyed` knows the Idempotency-Key of a submission: the same key is the same job, and
`GET /keyed/jobs?key=…` finds it. `/blind` knows no key and finds nothing: each submission is another job and another
line on the bill. Every accepted submission is on the bill, on disk, before it is answered, with when it is worked on.
Beside N at once others are refused with 429, and noted beside the bill, in `refused.jsonl`. Imports nothing of ours.
"""

import argparse
import hashlib
import itertools
import json
import os
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qs, urlsplit

PRICE_MICROS = 250_000
MAX_BODY_BYTES = 64 * 1024
VENDORS = ("keyed", "blind")


class Busy(Exception):
    """It works on as many jobs as it can."""


class Ledger:
    """Jobs by id, and the bill: a line of JSON for each accepted submission. `at_once` 0 takes any number."""

    def __init__(self, bill: Path, *, at_once: int = 0) -> None:
        self._lock = threading.Lock()
        self._bill = bill.open("a", encoding="utf-8")
        self._refused = bill.with_name("refused.jsonl").open("a", encoding="utf-8")
        self._at_once = at_once
        self._jobs: dict[str, dict[str, Any]] = {}
        self._by_key: dict[tuple[str, str], str] = {}

    def submit(self, vendor: str, key: str, work: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Accept a job, or find the one that the key names; and whether it is a new one. Raises Busy."""
        with self._lock:
            known = self._by_key.get((vendor, key)) if vendor == "keyed" and key else None
            if known is not None:
                return self._jobs[known], False
            now = time.monotonic()
            if self._at_once and sum(now < job["done_at"] for job in self._jobs.values()) >= self._at_once:
                _write(self._refused, {"vendor": vendor, "key": key, "at": now})
                raise Busy
            done_at = now + float(work.get("seconds", 0))
            job: dict[str, Any] = {"id": uuid.uuid4().hex, "work": work, "done_at": done_at}
            line = {"vendor": vendor, "job": job["id"], "key": key, "work": work, "price_micros": PRICE_MICROS}
            _write(self._bill, line | {"accepted_at": now, "done_at": done_at})
            self._jobs[job["id"]] = job
            self._by_key[vendor, key] = job["id"]
            return job, True

    def find(self, vendor: str, key: str) -> dict[str, Any] | None:
        with self._lock:
            job = self._by_key.get((vendor, key)) if vendor == "keyed" else None
            return self._jobs[job] if job else None

    def job(self, job_id: str) -> dict[str, Any] | None:
        with self._lock:
            return self._jobs.get(job_id)


def _write(file: TextIO, line: dict[str, Any]) -> None:
    file.write(json.dumps(line) + "\n")
    file.flush()
    os.fsync(file.fileno())


def described(job: dict[str, Any]) -> dict[str, Any]:
    """A job as its owner sees it."""
    if time.monotonic() < job["done_at"]:
        return {"id": job["id"], "status": "running"}
    reason = job["work"].get("fail")
    if reason:
        return {"id": job["id"], "status": "failed", "reason": reason, "cost_micros": 0}
    return {"id": job["id"], "status": "done", "cost_micros": PRICE_MICROS}


def result_of(job: dict[str, Any]) -> bytes:
    """Equal work, equal bytes."""
    work = json.dumps(job["work"], sort_keys=True).encode()
    return json.dumps({"made_by": "ledger", "of": hashlib.sha256(work).hexdigest()}).ljust(200).encode()


class Server(ThreadingHTTPServer):
    """`lose_every` N accepts every Nth job and hangs up without an answer; 0 answers all."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, ledger: Ledger, *, lose_every: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.ledger = ledger
        self._submissions = itertools.count(1)
        self._lose_every = lose_every

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is a client's affair; what else goes wrong is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def loses_this_answer(self) -> bool:
        return bool(self._lose_every) and next(self._submissions) % self._lose_every == 0


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        vendor, _, path = self.path.strip("/").partition("/")
        length = int(self.headers.get("Content-Length", "0"))
        if vendor not in VENDORS or path != "jobs" or length > MAX_BODY_BYTES:
            return self._say(404, {"error": "no such thing"})
        try:
            work = json.loads(self.rfile.read(length))
        except ValueError:
            return self._say(400, {"error": "expected JSON"})
        if work.get("refuse"):
            return self._say(int(work["refuse"]), {"error": "refused, as the job asks"})
        try:
            job, is_new = self.server.ledger.submit(vendor, self.headers.get("Idempotency-Key", ""), work)
        except Busy:
            return self._say(429, {"error": "too many jobs"})
        if is_new and self.server.loses_this_answer():
            self.close_connection = True
            return None
        return self._say(202, described(job))

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        vendor, _, path = parts.path.strip("/").partition("/")
        if vendor in VENDORS and path == "jobs":
            found = self.server.ledger.find(vendor, parse_qs(parts.query).get("key", [""])[0])
            return self._say(200 if vendor == "keyed" else 404, {"jobs": [described(found)] if found else []})
        job = self.server.ledger.job(path.split("/")[1]) if path.startswith("jobs/") else None
        if job is None:
            return self._say(404, {"error": "no such job"})
        if path.endswith("/result"):
            return self._send(200, result_of(job))
        return self._say(200, described(job))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing: the bill is the record."""

    def _say(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bill", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready", type=Path)
    parser.add_argument("--lose-every", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=0)
    options = parser.parse_args()
    server = Server(options.port, Ledger(options.bill, at_once=options.at_once), lose_every=options.lose_every)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    if options.ready:
        partial = options.ready.with_suffix(".part")
        partial.write_text(address)
        partial.rename(options.ready)
    print(address, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

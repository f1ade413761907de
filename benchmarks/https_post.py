"""POST over a TLS connection that is kept open: as little of a client as will do."""

from __future__ import annotations

import asyncio

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def post(connection: Connection, *, target: str, host: str, body: bytes) -> int:
    """The status of the answer, whose body is read and dropped. Raises OSError, IncompleteReadError."""
    reader, writer = connection
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lengths = [line.partition(":")[2] for line in answer.lower().split("\r\n") if line.startswith("content-length:")]
    await reader.readexactly(int(lengths[0]) if lengths else 0)
    return int(answer.split(" ", 2)[1])

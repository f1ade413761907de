"""Capabilities for the gateway's tests, issued as the pipeline service issues them."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from servicekit.tokens import IssuerKey, IssuerKeys, KeyId, TokenIssuer

PATH = "/spi/video_production/executor_callback"
EXECUTION = "0193a1b2-0000-7000-8000-00000000000a"
CLAIM = "5b3f1c9e-1111-4222-8333-444455556666"
NODE = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
PREFIX = f"pipelines/9b2f0c1e-aaaa-4bbb-8ccc-ddddeeeeffff/nodes/{NODE}/executions/{EXECUTION}/{CLAIM}/"
EXPIRES = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """One key id of the issuer."""

    id: str
    private: Ed25519PrivateKey
    hmac: bytes

    @classmethod
    def make(cls, key_id: str) -> "KeyPair":
        return cls(id=key_id, private=Ed25519PrivateKey.generate(), hmac=bytes(range(32)))

    def issuer(self) -> TokenIssuer:
        key = IssuerKey(id=KeyId(self.id), ed25519_private=self.private.private_bytes_raw(), hmac=self.hmac)
        return TokenIssuer(IssuerKeys(active=key.id, keys=(key,)))

    def issue(self, **changed: Any) -> str:
        """A capability for the names above, with some fields changed."""
        return self.issuer().issue(json.dumps(body(**changed), separators=(",", ":")).encode())


def body(**changed: Any) -> dict[str, Any]:
    """The signed part of a capability."""
    fields: dict[str, Any] = {
        "execution": EXECUTION,
        "claim": CLAIM,
        "node_uid": NODE,
        "executor_type": "merge-videos",
        "audience": "complete",
        "key_prefix": PREFIX,
        "exp": int(EXPIRES.timestamp()),
    }
    return fields | changed


def just_expired() -> int:
    return int((datetime.now(UTC) - timedelta(seconds=5)).timestamp())


def write_public_keys(path: Path, *pairs: KeyPair) -> Path:
    """Replace the file that the gateway reads."""
    keys = [
        {"id": pair.id, "ed25519_public": base64.b64encode(pair.private.public_key().public_bytes_raw()).decode()}
        for pair in pairs
    ]
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"keys": keys}))
    fresh.replace(path)
    return path


def success(**changed: Any) -> dict[str, Any]:
    """A callback body as media functions send it."""
    result = {
        "s3_key": f"{PREFIX}output.mp4",
        "duration": 10.5,
        "size": 1048576,
        "sha256": "ab" * 32,
        "content_type": "video/mp4",
        "width": 1280,
        "height": 720,
        "fps": 30.0,
        "video_codec": "h264",
        "audio_codec": "aac",
    }
    fields = {"node_uuid": NODE, "executor_type": "merge-videos", "process_uuid": EXECUTION, "result": result}
    return fields | changed


def failure(**changed: Any) -> dict[str, Any]:
    """A callback body that reports a failure."""
    fields = {
        "node_uuid": NODE,
        "executor_type": "merge-videos",
        "error": "FFmpeg failed",
        "error_type": "ffmpeg_error",
    }
    return fields | changed

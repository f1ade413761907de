"""A service account of the tests: the file that Google would hand out, and the public half for the simulator."""

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


def a_service_account(folder: Path) -> tuple[Path, Path]:
    """Writes both, and answers the paths of the account's file and of the public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = folder / "public.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    account = folder / "account.json"
    account.touch(mode=0o600)
    account.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "films",
                "private_key_id": "key-1",
                "private_key": private,
                "client_email": "montage@films.iam.gserviceaccount.com",
            }
        )
    )
    return account, public


def an_assertion(account: Path, *, audience: str) -> str:
    """What the account asks for a token with, from Google's documents."""
    content = json.loads(account.read_text())
    key = load_pem_private_key(content["private_key"].encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    now = int(time.time())
    head = {"alg": "RS256", "typ": "JWT", "kid": content["private_key_id"]}
    claims = {
        "iss": content["client_email"],
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": audience,
        "iat": now,
        "exp": now + 3600,
    }
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    return f"{signed}.{_base64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

"""Veo on Vertex AI and Google's token service, simulated. Imports nothing of ours.

    python -m tests.fakes.vendors.veo --bill FILE --key PUBLIC_KEY_PEM_FILE

Tokens are given for assertions that this public key verifies. An operation is on the bill when it is accepted.
"""

import base64
import json
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.fakes.vendors.films import a_film
from tests.fakes.vendors.simulation import Bill, Refusal, Request, Response, Route, Simulation, serve
from tests.fakes.vendors.veo_rules import MODELS, Invalid, check

TOKEN_S = 3600
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FILTERED = (
    "Veo could not generate 1 videos based on the prompt provided. You will not be charged for this request. "
    "Support codes: 42237218"
)
SWITCHES: dict[str, Any] = {
    "render_s": 0.0,
    "failure": None,  # google.rpc.Status of the operation
    "filtered": False,  # done, and no videos
    "filtered_in_part": False,  # one of two is withheld, the other is there
    "unavailable_objects": 0,
    "forget_objects": False,
    "busy": "",  # 429: retry_info, words, bare, listed
    "lose_answers": 0,
    "fail_after_accepting": 0,  # accepts and answers 503
    "unavailable": 0,  # 503 to questions
    "forget": False,
    "denied": False,  # 403 for everything
    "result": "",  # empty, text, none
    "padding_mib": 0,  # so much is added to the film
}


@dataclass
class Operation:
    name: str
    instance: Mapping[str, Any]
    parameters: Mapping[str, Any]
    done_at: float


class Veo(Simulation):
    def __init__(self, bill: Bill, key: str) -> None:
        super().__init__(bill=bill, key=key, switches=SWITCHES)
        public = load_pem_public_key(Path(key).read_bytes())
        assert isinstance(public, rsa.RSAPublicKey)
        self._public = public
        self._tokens: dict[str, float] = {}
        self._operations: dict[str, Operation] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="veo-"))

    def routes(self) -> list[Route]:
        models = "/v1/(?P<parent>projects/[^/]+/locations/[^/]+/publishers/google/models)/(?P<model>[^/:]+)"
        return [
            ("POST", "/token", self._token),
            ("POST", f"{models}:predictLongRunning", self._submit),
            ("POST", f"{models}:fetchPredictOperation", self._fetch),
            *([] if self.is_strict else [("GET", f"{models}/operations/.*", self._asked_by_get)]),
            ("GET", "/storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)", self._object),
        ]

    def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") != GRANT or not self._is_signed(form.get("assertion", "")):
            raise Refusal(
                Response(status=400, body={"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
            )
        token = f"ya29.{uuid.uuid4().hex}"
        self._tokens[token] = self.clock.now() + TOKEN_S
        return Response(body={"access_token": token, "expires_in": TOKEN_S, "token_type": "Bearer"})

    def _is_signed(self, assertion: str) -> bool:
        signed, _, signature = assertion.rpartition(".")
        try:
            self._public.verify(_from_base64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            claims = json.loads(_from_base64(signed.partition(".")[2]))
        except (InvalidSignature, ValueError):
            return False
        # By the real clock: a client that signs does not know ours.
        holds = claims["iat"] - 60 <= time.time() <= claims["exp"] <= claims["iat"] + 3600
        return holds and claims["aud"] == f"{self.address}/token" and "cloud-platform" in claims["scope"]

    def _submit(self, request: Request, parent: str, model: str) -> Response:
        self._admit(request)
        if model not in MODELS and self.is_strict:
            raise self._refusal(404, "NOT_FOUND", f"models/{model} is no longer available")
        self._turn_away()
        try:
            instance, parameters = check(request.json(), is_strict=self.is_strict)
        except (Invalid, ValueError) as error:
            raise self._refusal(400, "INVALID_ARGUMENT", str(error)) from None
        name = f"{parent}/{model}/operations/{uuid.uuid4()}"
        prompt = instance.get("prompt", "")
        self.bill.add({"vendor": "veo", "job": name, "prompt": prompt, "model": model, "parameters": parameters})
        done_at = self.clock.now() + float(self.switch("render_s"))
        self._operations[name] = Operation(name, instance, parameters, done_at)
        if self.take("lose_answers"):
            return Response(sent_bytes=0)
        if self.take("fail_after_accepting"):
            raise self._refusal(503, "UNAVAILABLE", "The service is currently unavailable.")
        return Response(body={"name": name})

    def _turn_away(self) -> None:
        message = "Resource exhausted. Please try again later."
        match self.switch("busy"):
            case "retry_info":
                info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "20s"}
                raise self._refusal(429, "RESOURCE_EXHAUSTED", message, details=[info])
            case "words":
                raise self._refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your quota. Please retry in 20.04s.")
            case "bare":
                raise self._refusal(429, "RESOURCE_EXHAUSTED", message)
            case "listed":
                error = {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}}
                raise Refusal(Response(status=429, body=json.dumps([error]).encode()))

    def _fetch(self, request: Request, parent: str, model: str) -> Response:
        self._admit(request)
        if self.take("unavailable"):
            raise self._refusal(503, "UNAVAILABLE", "The service is currently unavailable.")
        name = request.json().get("operationName", "")
        found = self._operations.get(name)
        if found is None or self.switch("forget") or not name.startswith(f"{parent}/{model}/"):
            raise self._refusal(404, "NOT_FOUND", "Operation not found")
        if self.clock.now() < found.done_at:
            return Response(body={"name": name})
        if self.switch("failure"):
            return Response(body={"name": name, "done": True, "error": self.switch("failure")})
        kind = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
        if self.switch("filtered"):
            withheld = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [FILTERED]}
            return Response(body={"name": name, "done": True, "response": {"@type": kind, **withheld}})
        place = found.parameters.get("storageUri")
        content = (
            {"gcsUri": f"{place}/{name.rpartition('/')[2]}/sample_0.mp4"}
            if place
            else {"bytesBase64Encoded": base64.b64encode(self._film(found)).decode()}
        )
        response = {"@type": kind, "raiMediaFilteredCount": 0, "videos": [{**content, "mimeType": "video/mp4"}]}
        if self.switch("filtered_in_part"):
            response |= {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [FILTERED]}
        return Response(body={"name": name, "done": True, "response": response})

    def _asked_by_get(self, request: Request, parent: str, model: str) -> Response:
        del request, parent, model
        return Response(body={"done": False})

    def _object(self, request: Request, bucket: str, name: str) -> Response:
        """Google's storage, with the films that were to be put there."""
        self._admit(request)
        if self.take("unavailable_objects"):
            raise self._refusal(503, "UNAVAILABLE", "Backend Error")
        folder, _, operation = unquote(name).removesuffix("/sample_0.mp4").rpartition("/")
        found = next((one for one in self._operations.values() if one.name.endswith(f"/{operation}")), None)
        is_there = found is not None and found.parameters.get("storageUri") == f"gs://{bucket}/{folder}"
        if found is None or not is_there or self.switch("forget_objects") or request.query.get("alt") != "media":
            raise self._refusal(404, "NOT_FOUND", "No such object")
        return Response(body=self._film(found), headers={"Content-Type": "video/mp4"})

    def _film(self, operation: Operation) -> bytes:
        match self.switch("result"):
            case "empty":
                return b""
            case "text":
                return b"<html>try later</html>"
        width, height = (1280, 720) if operation.parameters.get("aspectRatio", "16:9") == "16:9" else (720, 1280)
        seconds = int(operation.parameters.get("durationSeconds", 8))
        film = a_film(self._folder, width=width, height=height, seconds=seconds)
        # A box that players skip.
        size = int(self.switch("padding_mib")) * 1024**2
        return film + (size + 8).to_bytes(4, "big") + b"free" + bytes(size) if size else film

    def _admit(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.is_strict:
            return
        if self.clock.now() >= self._tokens.get(token, 0):
            raise self._refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if self.switch("denied"):
            raise self._refusal(403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied")

    def _refusal(self, code: int, status: str, message: str, *, details: list[dict[str, str]] | None = None) -> Refusal:
        error: dict[str, Any] = {"code": code, "message": message, "status": status}
        return Refusal(Response(status=code, body={"error": error | ({"details": details} if details else {})}))


def _from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


if __name__ == "__main__":
    serve(Veo)

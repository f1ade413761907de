"""Signature Version 4 against the worked examples of the Amazon S3 API Reference ("Authenticating Requests")."""

from datetime import UTC, datetime, timedelta

import pytest

from devstack.s3.canonical import Scope, SignedRequest, Signer
from devstack.s3.chunked import ChunkedDecoder, ChunkVerifier
from devstack.s3.credentials import AccessKey, Credential
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.sigv4 import Authenticated, authenticate

SIGNED_AT = datetime(2013, 5, 24, tzinfo=UTC)
ACCESS_KEY = AccessKey("AKIAIOSFODNN7EXAMPLE")
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CREDENTIALS = {ACCESS_KEY: Credential(access_key=ACCESS_KEY, secret_key=SECRET_KEY, principal="example")}
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PRESIGNED_SIGNATURE = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNK_SIGNATURES = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]


def header_request(
    method: str, target: str, *, signed: str, signature: str, headers: dict[str, str] | None = None
) -> SignedRequest:
    path, _, query = target.partition("?")
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={signed},Signature={signature}"
    )
    found = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": EMPTY,
        "authorization": authorization,
        **(headers or {}),
    }
    return SignedRequest(
        method=method,
        raw_path=path.encode(),
        raw_query=query.encode(),
        headers=tuple((name.encode(), value.encode()) for name, value in found.items()),
    )


def presigned_request(*, expires: str = "86400", signature: str = PRESIGNED_SIGNATURE) -> SignedRequest:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
        f"aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={signature}"
    )
    return SignedRequest(
        method="GET",
        raw_path=b"/test.txt",
        raw_query=query.encode(),
        headers=((b"host", b"examplebucket.s3.amazonaws.com"),),
    )


def verify(request: SignedRequest, *, now: datetime = SIGNED_AT) -> Authenticated:
    return authenticate(request, CREDENTIALS, now=now)


@pytest.mark.parametrize(
    "request_",
    [
        header_request(
            "GET",
            "/test.txt",
            signed="host;range;x-amz-content-sha256;x-amz-date",
            signature="f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            headers={"range": "bytes=0-9"},
        ),
        header_request(
            "PUT",
            "/test%24file.text",
            signed="date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            signature="98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            headers={
                "date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
                "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            },
        ),
        header_request(
            "GET",
            "/?lifecycle",
            signed="host;x-amz-content-sha256;x-amz-date",
            signature="fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        header_request(
            "GET",
            "/?max-keys=2&prefix=J",
            signed="host;x-amz-content-sha256;x-amz-date",
            signature="34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        presigned_request(),
    ],
)
def test_authenticate_published_example_is_accepted(request_: SignedRequest) -> None:
    assert verify(request_).credential.principal == "example"


def test_authenticate_presigned_one_second_before_its_end_is_accepted() -> None:
    assert verify(presigned_request(), now=SIGNED_AT + timedelta(seconds=86_399)).payload_hash == "UNSIGNED-PAYLOAD"


def test_authenticate_presigned_at_its_end_has_expired() -> None:
    with pytest.raises(S3Error) as error:
        verify(presigned_request(), now=SIGNED_AT + timedelta(seconds=86_400))

    assert error.value.code is ErrorCode.ACCESS_DENIED
    assert error.value.message == "Request has expired"
    assert error.value.details["Expires"] == "2013-05-25T00:00:00Z"


@pytest.mark.parametrize("signature", ["", "0" * 64, PRESIGNED_SIGNATURE.upper(), PRESIGNED_SIGNATURE[:-1], "%C3%A4"])
def test_authenticate_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(S3Error) as error:
        verify(presigned_request(signature=signature))

    assert error.value.code is ErrorCode.SIGNATURE_DOES_NOT_MATCH


def test_authenticated_does_not_show_its_secrets() -> None:
    shown = repr(verify(presigned_request()))

    assert SECRET_KEY not in shown
    assert PRESIGNED_SIGNATURE not in shown


def signed_body() -> bytes:
    chunks = [b"a" * 65_536, b"a" * 1024, b""]
    return b"".join(
        b"%x;chunk-signature=%s\r\n%s\r\n" % (len(chunk), signature.encode(), chunk)
        for chunk, signature in zip(chunks, CHUNK_SIGNATURES, strict=True)
    )


def decoder() -> ChunkedDecoder:
    scope = Scope(date="20130524", region="us-east-1")
    signer = Signer(secret_key=SECRET_KEY, scope=scope, timestamp="20130524T000000Z")
    return ChunkedDecoder(verifier=ChunkVerifier(signer, SEED))


@pytest.mark.parametrize("piece_bytes", [1, 7, 65_537, 100_000])
def test_chunked_decoder_published_example_is_decoded_however_it_is_cut(piece_bytes: int) -> None:
    body, decoding = signed_body(), decoder()

    decoded = b"".join(decoding.feed(body[at : at + piece_bytes]) for at in range(0, len(body), piece_bytes))
    decoding.finish()

    assert decoded == b"a" * 66_560


@pytest.mark.parametrize("at", [100, 66_000, -100, -40])
def test_chunked_decoder_one_changed_byte_is_refused(at: int) -> None:
    body = bytearray(signed_body())
    body[at] ^= 1
    decoding = decoder()

    with pytest.raises(S3Error) as error:
        decoding.feed(bytes(body))

    assert error.value.code in (ErrorCode.SIGNATURE_DOES_NOT_MATCH, ErrorCode.INCOMPLETE_BODY)


def test_chunked_decoder_body_cut_off_at_a_chunk_is_incomplete() -> None:
    decoding = decoder()
    decoding.feed(signed_body()[:65_640])

    with pytest.raises(S3Error) as error:
        decoding.finish()

    assert error.value.code is ErrorCode.INCOMPLETE_BODY

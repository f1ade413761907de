"""The environment of each of our programs on one machine: its settings, and paths to its secrets only."""

from __future__ import annotations

from collections.abc import Mapping

from devstack.layout import (
    EDIT_ROLE,
    ENGINE_ROLE,
    EXAMPLE_FUNCTION,
    MEDIA_FUNCTION,
    OWNER_ROLE,
    REGION,
    VENDOR_KEYS,
)
from devstack.place import Place


def s3_environment(_: Place) -> Mapping[str, str]:
    return {}


def lambda_environment(_: Place) -> Mapping[str, str]:
    return {}


def migrate_environment(place: Place) -> Mapping[str, str]:
    database = place.addresses.external.database
    password = database.migrate_password_file if database else place.layout.postgres_password(OWNER_ROLE)
    return {
        "PIPELINE_MIGRATE_DATABASE_URL": place.addresses.migrate_database_url,
        "PIPELINE_MIGRATE_DATABASE_PASSWORD_FILE": str(password),
    }


def pipeline_environment(place: Place) -> Mapping[str, str]:
    addresses, layout, database = place.addresses, place.layout, place.addresses.external.database
    password = database.password_file if database else layout.postgres_password(ENGINE_ROLE)
    edit_password = database.edit_password_file if database else layout.postgres_password(EDIT_ROLE)
    return {
        "PIPELINE_LISTEN": addresses.pipeline,
        "PIPELINE_OPS_LISTEN": f"127.0.0.1:{addresses.ports.pipeline_ops}",
        **_tls("PIPELINE", place, "pipeline"),
        "PIPELINE_DATABASE_URL": addresses.database_url,
        "PIPELINE_DATABASE_PASSWORD_FILE": str(password),
        "PIPELINE_EDIT_DATABASE_URL": addresses.edit_database_url,
        "PIPELINE_EDIT_DATABASE_PASSWORD_FILE": str(edit_password),
        **_nats("PIPELINE", place, "pipeline"),
        **_s3("PIPELINE", place, "pipeline"),
        "PIPELINE_CAPABILITY_KEYS_FILE": str(layout.capability_keys),
        "PIPELINE_MASTER_KEYS_FILE": str(layout.master_keys),
        "PIPELINE_GATEWAY_URL": addresses.gateway_url,
        "PIPELINE_INTERNAL_URL": addresses.internal_url,
        # Nothing balances load here, so nobody needs to be told before calls are refused.
        "PIPELINE_DRAIN_NOTICE_S": "0",
        "PIPELINE_TEST_TYPES": _flag(place.test_types),
    }


def executor_environment(place: Place) -> Mapping[str, str]:
    addresses = place.addresses
    return {
        "EXECUTOR_OPS_LISTEN": f"127.0.0.1:{addresses.ports.executor_ops}",
        **_tls("EXECUTOR", place, "executor"),
        "EXECUTOR_PIPELINE_ADDR": addresses.pipeline,
        **_nats("EXECUTOR", place, "executor"),
        **_s3("EXECUTOR", place, "executor"),
        "EXECUTOR_LAMBDA_ENDPOINT": addresses.lambda_endpoint,
        "EXECUTOR_MEDIA_FUNCTION": MEDIA_FUNCTION,
        "EXECUTOR_WORK_DIR": str(place.layout.work / "executor"),
        "EXECUTOR_TEST_TYPES": _flag(place.test_types),
        **_functions(place),
        **_vendor_keys(place),
    }


def gateway_environment(place: Place) -> Mapping[str, str]:
    addresses = place.addresses
    return {
        "GATEWAY_LISTEN": f"127.0.0.1:{addresses.ports.gateway}",
        "GATEWAY_OPS_LISTEN": f"127.0.0.1:{addresses.ports.gateway_ops}",
        **_tls("GATEWAY", place, "callback-gateway"),
        "GATEWAY_PIPELINE_ADDR": addresses.pipeline,
        "GATEWAY_PUBLIC_URL": addresses.gateway_url,
        "GATEWAY_CAPABILITY_PUBLIC_KEYS_FILE": str(place.layout.capability_public_keys),
    }


def internal_environment(place: Place) -> Mapping[str, str]:
    addresses, prefix = place.addresses, "GATEWAY_INTERNAL"
    return {
        f"{prefix}_LISTEN": f"127.0.0.1:{addresses.ports.internal}",
        f"{prefix}_OPS_LISTEN": f"127.0.0.1:{addresses.ports.internal_ops}",
        **_tls(prefix, place, "internal-gateway"),
        f"{prefix}_PIPELINE_ADDR": addresses.pipeline,
        f"{prefix}_AUTH_TOKENS_FILE": str(place.layout.internal_tokens),
        f"{prefix}_CALLERS": "spiffe://montage/client/*,spiffe://montage/ops/*",
    }


def media_environment(place: Place) -> Mapping[str, str]:
    """Of the media function, which the Lambda endpoint starts."""
    # The event names the bucket.
    store = {name: value for name, value in _s3("MEDIA", place, "media").items() if name != "MEDIA_S3_BUCKET"}
    return {
        **variables_of("MEDIA_", place.inherited),
        **store,
        "MEDIA_CA_FILE": str(place.layout.ca_cert),
        "MEDIA_WORK_DIR": str(place.layout.work / "media"),
        **place.media_environment,
    }


def example_environment(place: Place) -> Mapping[str, str]:
    """Of the example of a user's own function: no key, no path; only whom it may trust."""
    return {"SSL_CERT_FILE": str(place.layout.ca_cert)}


def functions_file() -> dict[str, dict[str, str]]:
    """What `invoke-lambda` may name; there is one account and one region here."""
    return {EXAMPLE_FUNCTION: {"arn": f"arn:aws:lambda:us-east-1:000000000000:function:{EXAMPLE_FUNCTION}"}}


def variables_of(prefix: str, environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(prefix)}


def _tls(prefix: str, place: Place, identity: str) -> dict[str, str]:
    files = place.layout.tls(identity)
    return {
        f"{prefix}_TLS_CERT_FILE": str(files.cert),
        f"{prefix}_TLS_KEY_FILE": str(files.key),
        f"{prefix}_TLS_CA_FILE": str(files.ca),
    }


def _functions(place: Place) -> dict[str, str]:
    """Those of this machine; a list of the user's own counts before it."""
    name = "EXECUTOR_FUNCTIONS_FILE"
    return {} if name in place.inherited else {name: str(place.layout.functions)}


def _vendor_keys(place: Place) -> dict[str, str]:
    """Those that the user put into the data folder; a variable of the user's own counts before them."""
    files = {variable: place.layout.vendor_key(vendor) for vendor, variable in VENDOR_KEYS.items()}
    return {name: str(file) for name, file in files.items() if file.is_file() and name not in place.inherited}


def _nats(prefix: str, place: Place, user: str) -> dict[str, str]:
    nats = place.addresses.external.nats
    files = {"pipeline": nats.pipeline_password_file, "executor": nats.executor_password_file} if nats else {}
    return {
        f"{prefix}_NATS_URL": place.addresses.nats_url,
        f"{prefix}_NATS_USER": user,
        f"{prefix}_NATS_PASSWORD_FILE": str(files.get(user, place.layout.nats_password(user))),
    }


def _s3(prefix: str, place: Place, principal: str) -> dict[str, str]:
    external = place.addresses.external.s3
    access = external.access_key_file if external else place.layout.s3_access_key(principal)
    secret = external.secret_key_file if external else place.layout.s3_secret_key(principal)
    return {
        f"{prefix}_S3_ENDPOINT": place.addresses.s3_endpoint,
        f"{prefix}_S3_BUCKET": place.addresses.bucket,
        f"{prefix}_S3_REGION": external.region if external else REGION,
        f"{prefix}_S3_ACCESS_KEY_FILE": str(access),
        f"{prefix}_S3_SECRET_KEY_FILE": str(secret),
    }


def _flag(on: bool) -> str:  # noqa: FBT001 - one argument, named by the caller's expression
    return "1" if on else "0"

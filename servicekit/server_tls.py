"""Mutual TLS of a gRPC server: credentials that follow a rotation of their files without a restart."""

import threading
from collections.abc import Callable

import grpc
import structlog

from servicekit.tls import Fingerprint, InvalidTlsFiles, TlsFiles, TlsMaterial, read_tls_files


def server_credentials(files: TlsFiles, *, on_reload: Callable[[bool], None]) -> grpc.ServerCredentials:
    """Credentials that demand a client certificate and follow the files.

    gRPC asks before every handshake. Files that cannot be used leave the old ones in force and are reported by
    `on_reload(False)`; gRPC itself would go on silently. Raises InvalidTlsFiles when the first reading fails.
    """
    reloader = _ServerReloader(files, on_reload)
    return grpc.dynamic_ssl_server_credentials(
        _configuration(reloader.first),
        reloader.fetch,  # type: ignore[arg-type] # the stub forgets that None means "no change"
        require_client_authentication=True,
    )


class _ServerReloader:
    """Runs on gRPC's threads, hence the lock."""

    def __init__(self, files: TlsFiles, on_reload: Callable[[bool], None]) -> None:
        self._files = files
        self._on_reload = on_reload
        self._lock = threading.Lock()
        self._seen = _fingerprint_or_none(files)
        self._log = structlog.get_logger("servicekit.tls")
        self.first = read_tls_files(files)

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """New configuration, or None to keep the present one. Must not raise into gRPC."""
        with self._lock:
            seen = _fingerprint_or_none(self._files)
            if seen is not None and seen == self._seen:
                return None
            try:
                material = read_tls_files(self._files)
            except InvalidTlsFiles as err:
                # `_seen` stays: the next handshake tries again, so a rotation caught half-written heals by itself.
                self._log.error("tls_reload_failed", error=str(err))
                self._on_reload(False)  # noqa: FBT003 # the one fact there is to tell
                return None
            self._seen = seen
        self._log.info("tls_reloaded", identity=material.identity)
        self._on_reload(True)  # noqa: FBT003 # as above
        return _configuration(material)


def _configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(material.key, material.cert_chain)], material.ca)


def _fingerprint_or_none(files: TlsFiles) -> Fingerprint | None:
    try:
        return files.fingerprint()
    except OSError:
        return None

"""The certificate that the gateway shows, and the one that callers may show; follows a rotation without a restart."""

import ssl
from collections.abc import Callable

import structlog

from servicekit.tls import Fingerprint, InvalidTlsFiles, TlsFiles, read_tls_files


class ServerTls:
    """Holds the newest usable context and puts it to use at every handshake."""

    def __init__(
        self,
        files: TlsFiles,
        *,
        on_reload: Callable[[bool], None],
        minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    ) -> None:
        """Raises InvalidTlsFiles. Later, files that cannot be used leave the old ones in force; `on_reload` is told."""
        self._files = files
        self._minimum = minimum
        self._on_reload = on_reload
        self._log = structlog.get_logger("callback_gateway.tls")
        self._seen = _fingerprint(files)
        self._current = _context(files, minimum)
        self.context = _context(files, minimum)
        """For the listener. Its callback swaps in the newest context, also for callers that name no server."""
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _server_name: str | None, _context: ssl.SSLContext) -> None:
        seen = _fingerprint(self._files)
        if seen is not None and seen != self._seen:
            self._reload(seen)
        connection.context = self._current

    def _reload(self, seen: Fingerprint) -> None:
        try:
            fresh = _context(self._files, self._minimum)
        except (InvalidTlsFiles, ssl.SSLError) as err:
            # `_seen` stays: the next handshake tries again, so a rotation caught half-written heals by itself.
            self._log.error("tls_reload_failed", error=str(err))
            self._on_reload(False)  # noqa: FBT003 # the one fact there is to tell
            return
        self._current, self._seen = fresh, seen
        self._log.info("tls_reloaded", cert=str(self._files.cert))
        self._on_reload(True)  # noqa: FBT003 # as above


def _context(files: TlsFiles, minimum: ssl.TLSVersion) -> ssl.SSLContext:
    read_tls_files(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    context.load_cert_chain(files.cert, files.key)
    context.load_verify_locations(files.ca)
    # Vendors and Lambda have no certificate of ours; but one that is shown must be good.
    context.verify_mode = ssl.CERT_OPTIONAL
    # A resumed session would vouch for a certificate without looking at it, also when its authority is trusted no more.
    # TLS 1.2 has another way to resume, which cannot be closed: see `callers.certificate_of`.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return context


def _fingerprint(files: TlsFiles) -> Fingerprint | None:
    try:
        return files.fingerprint()
    except OSError:
        return None

"""Tells the log and the metrics what was sealed, and when that cannot go on."""

import structlog

from pipeline_service.domain.seals import Seal
from pipeline_service.domain.states import Alarm
from pipeline_service.metrics import Metrics


class SealLog:
    """Whoever keeps the logs elsewhere keeps the head of the chain there."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._log = structlog.get_logger("pipeline_service.seals")

    def sealed(self, seal: Seal) -> None:
        self._metrics.sealed.inc(seal.rows)
        self._log.info("sealed", number=seal.number, sha256=seal.sha256.hex(), rows=seal.rows)

    def gap(self, why: str) -> None:
        self._log.error("audit_gap", why=why)
        self._metrics.raise_alarm(Alarm.AUDIT_GAP)

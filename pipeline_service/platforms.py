"""Wires what takes the webhooks of platforms."""

from datetime import UTC, datetime

from pipeline_service.commands.webhooks import Webhooks
from pipeline_service.config import Settings
from pipeline_service.domain.states import Alarm
from pipeline_service.domain.webhooks import Source
from pipeline_service.metrics import Metrics
from pipeline_service.store.pool import Pool
from pipeline_service.store.webhooks import PostgresWebhookEvents
from servicekit.secret_lines import secret_lines


def new_webhooks(settings: Settings, metrics: Metrics, *, pool: Pool) -> Webhooks:
    """Takes those of the platforms whose secrets are set. Raises ConfigError for files that cannot be used."""

    def on_reload(succeeded: bool) -> None:  # noqa: FBT001 - the callback's one argument
        metrics.webhook_secret_reloads.labels(outcome="ok" if succeeded else "failed").inc()
        if not succeeded:
            metrics.raise_alarm(Alarm.RELOAD_FAILED)

    files = {
        Source.GITHUB: settings.webhook_github_secret_file,
        Source.DISCOURSE: settings.webhook_discourse_secret_file,
        Source.PAYMENT_PROCESSOR: settings.webhook_payment_processor_secret_file,
    }
    secrets = {source: secret_lines(file, on_reload=on_reload).content for source, file in files.items() if file}
    return Webhooks(events=PostgresWebhookEvents(pool), secrets=secrets, now=lambda: datetime.now(UTC))

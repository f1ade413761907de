"""`python -m pipeline_service rewrap`: puts every secret under the active master key, while the service works."""

from pipeline_service.commands.credentials import Credentials
from pipeline_service.config import Settings
from pipeline_service.store.credentials import PostgresCredentials
from pipeline_service.store.pool import open_pool
from pipeline_service.vault.envelope import Envelope
from pipeline_service.vault.master_keys import Ring, read_master_keys
from servicekit.config import ConfigError, read_secret

ACTOR = "rewrap"


async def rewrap(settings: Settings) -> int:
    """Answers how many were moved. Raises ConfigError without master keys, CredentialUnreadable, Unavailable."""
    ring = _ring(settings)
    password = read_secret(settings.database_password_file)
    pool = await open_pool(settings.database_url, password=password, size=2)
    try:
        credentials = Credentials(store=PostgresCredentials(pool), vault=Envelope(lambda: ring))
        return await credentials.rewrap_all(actor=ACTOR)
    finally:
        await pool.close()


def _ring(settings: Settings) -> Ring:
    if settings.master_keys_file is None:
        raise ConfigError(f"{settings.variable_of('master_keys_file')}: must be set")
    return read_master_keys(settings.master_keys_file)

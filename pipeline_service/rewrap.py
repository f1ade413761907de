"""`python -m pipeline_service rewrap`: puts every secret under the active master key, while the service works."""

from pipeline_service.commands.credentials import Credentials
from pipeline_service.config import Settings
from pipeline_service.store.credentials import PostgresCredentials
from pipeline_service.store.pool import open_pool
from pipeline_service.vaults import open_vault
from servicekit.config import ConfigError, read_secret

ACTOR = "rewrap"


async def rewrap(settings: Settings) -> int:
    """Answers how many were moved. Raises ConfigError without master keys, CredentialUnreadable, Unavailable."""
    vault = open_vault(settings, on_reload=lambda _succeeded: None)
    if vault is None:
        names = (settings.variable_of(field) for field in ("master_keys_file", "kms_keys"))
        raise ConfigError(f"{' or '.join(names)}: must be set")
    password = read_secret(settings.database_password_file)
    pool = await open_pool(settings.database_url, password=password, size=2)
    try:
        credentials = Credentials(store=PostgresCredentials(pool), vault=vault)
        return await credentials.rewrap_all(actor=ACTOR)
    finally:
        await pool.close()

"""Opens the vault that the settings describe: with master keys of a file, of a key manager, or of both."""

from collections.abc import Callable

from pipeline_service.config import Settings
from pipeline_service.vault.envelope import Envelope, MasterKeys
from pipeline_service.vault.file_keys import FileKeys
from pipeline_service.vault.kms_keys import KmsAddress, KmsKeys
from pipeline_service.vault.master_keys import master_keys


def open_vault(settings: Settings, *, on_reload: Callable[[bool], None]) -> Envelope | None:
    """None where there are no master keys. Raises InvalidMasterKeys, ConfigError.

    Where there are both, the key manager wraps, and the file opens what it closed before.
    """
    keys: list[MasterKeys] = []
    if settings.kms_keys:
        address = KmsAddress(
            keys=settings.kms_keys,
            endpoint=settings.kms_endpoint,
            access_key_file=settings.kms_access_key_file,
            secret_key_file=settings.kms_secret_key_file,
        )
        keys.append(KmsKeys(address))
    if settings.master_keys_file is not None:
        keys.append(FileKeys(master_keys(settings.master_keys_file, on_reload=on_reload).content))
    return Envelope(*keys) if keys else None

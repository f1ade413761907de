"""Wires the vendors that work is bought from: what each is asked with, and where its inputs and results go."""

from datetime import timedelta

from executor_service.config import ExecutorSettings
from executor_service.executors.bought import Bought
from executor_service.executors.bought_at_once import BoughtAtOnce
from executor_service.executors.elevenlabs_maker import ElevenLabsMaker
from executor_service.executors.executor import PaidExecutor
from executor_service.executors.handing_over import HandingOver
from executor_service.executors.heygen_vendor import HeyGenVendor
from executor_service.executors.ledger_vendor import LedgerVendor
from executor_service.executors.owners_key import Open, Opened, WithOwnersKey
from executor_service.executors.remotion_vendor import RemotionVendor
from executor_service.executors.runway_vendor import RunwayVendor
from executor_service.executors.veo_vendor import VeoVendor
from executor_service.executors.without_key import WithoutKey
from executor_service.integrations.elevenlabs import ElevenLabs
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.google_token import GoogleToken, ServiceAccount
from executor_service.integrations.heygen import HeyGen
from executor_service.integrations.ledger import Ledger
from executor_service.integrations.remotion import Remotion, RemotionAccount, Webhook
from executor_service.integrations.runway import Runway
from executor_service.integrations.vendor_errors import InvalidCredentials
from executor_service.integrations.veo import Veo
from servicekit.clock import Clock
from servicekit.config import ConfigError, read_secret
from servicekit.lifecycle import Lifecycle
from servicekit.object_store import ObjectStore


class Vendors:
    """Opens the vendors of one executor; `life` closes them."""

    def __init__(
        self,
        settings: ExecutorSettings,
        life: Lifecycle,
        *,
        store: ObjectStore,
        public_store: ObjectStore | None,
        clock: Clock,
    ) -> None:
        """`public_store` is `store` as the internet reaches it; None where it does not."""
        self._settings = settings
        self._life = life
        self._store = store
        self._clock = clock
        self._handing_over = HandingOver(store, public_store)

    def paid(self) -> dict[str, PaidExecutor]:
        """By provider. Raises ConfigError for a key file that cannot be used."""
        return {
            "heygen": self._heygen(),
            "elevenlabs": self._elevenlabs(),
            "runway": self._runway(),
            "veo3": self._veo(),
            "remotion": self._remotion(),
        }

    def test_paid(self) -> dict[str, PaidExecutor] | None:
        """The fake vendors by provider, where somebody says where they are; None without the test types."""
        if not self._settings.test_types:
            return None
        if self._settings.ledger_base_url is None:
            return {}
        return {"ledger": self._ledger(knows_keys=True), "ledger-blind": self._ledger(knows_keys=False)}

    def _heygen(self) -> PaidExecutor:
        return self._paid("heygen", self._bought_of_heygen, "heygen_api_key_file")

    def _elevenlabs(self) -> PaidExecutor:
        return self._paid("elevenlabs", self._bought_of_elevenlabs, "elevenlabs_api_key_file")

    def _runway(self) -> PaidExecutor:
        return self._paid("runway", self._bought_of_runway, "runway_api_key_file")

    def _veo(self) -> PaidExecutor:
        return self._paid("veo3", self._bought_of_veo, "google_credentials_file")

    def _remotion(self) -> PaidExecutor:
        return self._paid("remotion", self._bought_of_remotion, "remotion_credentials_file")

    def _paid(self, provider: str, open_: Open, field: str) -> PaidExecutor:
        """A vendor with the owner's key, else with that of the file that a setting names."""
        key_file = getattr(self._settings, field)
        variable = self._settings.variable_of(field)
        own: PaidExecutor = WithoutKey(provider, variable)
        if key_file is not None:
            try:
                own, close = open_(read_secret(key_file))
            except InvalidCredentials as error:
                raise ConfigError(f"{variable}: {error}") from error
            self._life.on_stop(close)
        return WithOwnersKey(provider, open_, own=own)

    def _bought_of_heygen(self, key: str) -> Opened:
        base_url = self._settings.heygen_base_url
        heygen = HeyGen(api_key=key, base_url=base_url)
        vendor = HeyGenVendor(
            heygen,
            store=self._store,
            handing_over=self._handing_over,
            fetcher=self._fetcher(base_url),
            poll_interval=timedelta(seconds=self._settings.heygen_poll_interval_s),
        )
        return Bought(vendor, self._clock), heygen.close

    def _bought_of_elevenlabs(self, key: str) -> Opened:
        elevenlabs = ElevenLabs(api_key=key, base_url=self._settings.elevenlabs_base_url)
        return BoughtAtOnce(ElevenLabsMaker(elevenlabs, self._store), self._store, self._clock), elevenlabs.close

    def _bought_of_runway(self, key: str) -> Opened:
        base_url = self._settings.runway_base_url
        runway = Runway(api_key=key, base_url=base_url)
        vendor = RunwayVendor(
            runway,
            store=self._store,
            fetcher=self._fetcher(base_url),
            poll_interval=timedelta(seconds=self._settings.runway_poll_interval_s),
        )
        return Bought(vendor, self._clock), runway.close

    def _bought_of_veo(self, key: str) -> Opened:
        """Raises InvalidCredentials."""
        settings = self._settings
        account = ServiceAccount.parse(key)
        veo = Veo(
            GoogleToken(account, token_url=settings.google_token_url),
            project=account.project,
            location=settings.veo_location,
            base_url=settings.veo_base_url or f"https://{settings.veo_location}-aiplatform.googleapis.com",
            storage_uri=settings.veo_storage_uri,
            storage_url=settings.google_storage_url,
        )
        interval = timedelta(seconds=settings.veo_poll_interval_s)
        return Bought(VeoVendor(veo, store=self._store, poll_interval=interval), self._clock), veo.close

    def _bought_of_remotion(self, key: str) -> Opened:
        """Raises InvalidCredentials."""
        settings = self._settings
        webhook = None
        if settings.remotion_webhook_url is not None and settings.remotion_webhook_secret_file is not None:
            secret = read_secret(settings.remotion_webhook_secret_file)
            webhook = Webhook(url=settings.remotion_webhook_url, secret=secret)
        remotion = Remotion(RemotionAccount.parse(key), base_url=settings.remotion_base_url, webhook=webhook)
        interval = timedelta(seconds=settings.remotion_poll_interval_s)
        vendor = RemotionVendor(remotion, store=self._store, poll_interval=interval, clock=self._clock)
        return Bought(vendor, self._clock), remotion.close

    def _ledger(self, *, knows_keys: bool) -> PaidExecutor:
        ledger = Ledger(self._settings.ledger_base_url or "", knows_keys=knows_keys)
        self._life.on_stop(ledger.close)
        return Bought(LedgerVendor(ledger, self._store), self._clock)

    def _fetcher(self, base_url: str) -> Fetcher:
        return Fetcher(sandbox=self._settings.sandbox_of(base_url))

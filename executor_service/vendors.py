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
from executor_service.executors.runway_vendor import RunwayVendor
from executor_service.executors.veo_vendor import VeoVendor
from executor_service.executors.without_key import WithoutKey
from executor_service.integrations.elevenlabs import ElevenLabs
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.google_token import GoogleToken, InvalidCredentials, ServiceAccount
from executor_service.integrations.heygen import HeyGen
from executor_service.integrations.ledger import Ledger
from executor_service.integrations.runway import Runway
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
        }

    def test_paid(self) -> dict[str, PaidExecutor] | None:
        """The fake vendors by provider, where somebody says where they are; None without the test types."""
        if not self._settings.test_types:
            return None
        if self._settings.ledger_base_url is None:
            return {}
        return {"ledger": self._ledger(knows_keys=True), "ledger-blind": self._ledger(knows_keys=False)}

    def _heygen(self) -> PaidExecutor:
        key_file, base_url = self._settings.heygen_api_key_file, self._settings.heygen_base_url
        if key_file is None:
            return self._without_key("heygen", "heygen_api_key_file")
        heygen = HeyGen(api_key=read_secret(key_file), base_url=base_url)
        self._life.on_stop(heygen.close)
        vendor = HeyGenVendor(
            heygen,
            store=self._store,
            handing_over=self._handing_over,
            fetcher=self._fetcher(base_url),
            poll_interval=timedelta(seconds=self._settings.heygen_poll_interval_s),
        )
        return Bought(vendor, self._clock)

    def _elevenlabs(self) -> PaidExecutor:
        key_file = self._settings.elevenlabs_api_key_file
        if key_file is None:
            return self._without_key("elevenlabs", "elevenlabs_api_key_file")
        elevenlabs = ElevenLabs(api_key=read_secret(key_file), base_url=self._settings.elevenlabs_base_url)
        self._life.on_stop(elevenlabs.close)
        return BoughtAtOnce(ElevenLabsMaker(elevenlabs, self._store), self._store, self._clock)

    def _runway(self) -> PaidExecutor:
        key_file, base_url = self._settings.runway_api_key_file, self._settings.runway_base_url
        if key_file is None:
            return self._without_key("runway", "runway_api_key_file")
        runway = Runway(api_key=read_secret(key_file), base_url=base_url)
        self._life.on_stop(runway.close)
        vendor = RunwayVendor(
            runway,
            store=self._store,
            fetcher=self._fetcher(base_url),
            poll_interval=timedelta(seconds=self._settings.runway_poll_interval_s),
        )
        return Bought(vendor, self._clock)

    def _veo(self) -> PaidExecutor:
        settings = self._settings
        if settings.google_credentials_file is None:
            return self._without_key("veo3", "google_credentials_file")
        try:
            account = ServiceAccount.parse(read_secret(settings.google_credentials_file))
        except InvalidCredentials as error:
            raise ConfigError(f"{settings.variable_of('google_credentials_file')}: {error}") from error
        veo = Veo(
            GoogleToken(account, token_url=settings.google_token_url),
            project=account.project,
            location=settings.veo_location,
            base_url=settings.veo_base_url or f"https://{settings.veo_location}-aiplatform.googleapis.com",
        )
        self._life.on_stop(veo.close)
        interval = timedelta(seconds=settings.veo_poll_interval_s)
        return Bought(VeoVendor(veo, store=self._store, poll_interval=interval), self._clock)

    def _ledger(self, *, knows_keys: bool) -> PaidExecutor:
        ledger = Ledger(self._settings.ledger_base_url or "", knows_keys=knows_keys)
        self._life.on_stop(ledger.close)
        return Bought(LedgerVendor(ledger, self._store), self._clock)

    def _fetcher(self, base_url: str) -> Fetcher:
        return Fetcher(sandbox=self._settings.sandbox_of(base_url))

    def _without_key(self, provider: str, field: str) -> PaidExecutor:
        return WithoutKey(provider, self._settings.variable_of(field))

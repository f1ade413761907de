"""Which executor does which node type: a plain dict, built once by the wiring."""

from collections.abc import Mapping

from executor_service.executors.bought import Bought
from executor_service.executors.compose_video import ComposeVideo
from executor_service.executors.executor import Executor
from executor_service.executors.fetch_asset import FetchAsset
from executor_service.executors.generate_animation import GenerateAnimation
from executor_service.executors.generate_talking_head import GenerateTalkingHead
from executor_service.executors.generate_voiceover import GenerateVoiceover
from executor_service.executors.lambda_media import MediaFunction
from executor_service.executors.ledger_vendor import LedgerVendor
from executor_service.executors.merge_videos import MergeVideos
from executor_service.executors.mix_audio import MixAudio
from executor_service.executors.noop import Noop
from executor_service.executors.render_code import RenderCode
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.ledger import Ledger
from servicekit.object_store import ObjectStore


def build_executors(
    *,
    store: ObjectStore,
    media_function: MediaFunction,
    fetcher: Fetcher,
    with_test_types: bool,
    ledgers: Mapping[str, Ledger],
) -> dict[str, Executor]:
    """By node type. `ledgers` are the fake vendors of the test types, by provider."""
    executors: dict[str, Executor] = {
        "asset": FetchAsset(store=store, fetcher=fetcher),
        "generate-voiceover": GenerateVoiceover(store),
        "generate-talking-head": GenerateTalkingHead(store),
        "generate-animation": GenerateAnimation(store),
        "render-code": RenderCode(store),
        "mix-audio": MixAudio(media_function),
        "merge-videos": MergeVideos(media_function),
        "compose-video": ComposeVideo(media_function),
    }
    if with_test_types:
        executors["noop"] = Noop(
            store, bought={name: Bought(LedgerVendor(ledger, store)) for name, ledger in ledgers.items()}
        )
    return executors

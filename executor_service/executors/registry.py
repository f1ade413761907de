"""Which executor does which node type: a plain dict, built once by the wiring."""

from collections.abc import Mapping

from executor_service.executors.by_provider import ByProvider
from executor_service.executors.compose_video import ComposeVideo
from executor_service.executors.executor import Executor, PaidExecutor
from executor_service.executors.fetch_asset import FetchAsset
from executor_service.executors.generate_animation import GenerateAnimation
from executor_service.executors.generate_talking_head import GenerateTalkingHead
from executor_service.executors.generate_voiceover import GenerateVoiceover
from executor_service.executors.invoke_lambda import InvokeLambda
from executor_service.executors.lambda_media import MediaFunction
from executor_service.executors.merge_videos import MergeVideos
from executor_service.executors.mix_audio import MixAudio
from executor_service.executors.noop import Noop
from executor_service.executors.render_code import RenderCode
from executor_service.integrations.fetch import Fetcher
from servicekit.object_store import ObjectStore


def build_executors(
    *,
    store: ObjectStore,
    media_function: MediaFunction,
    invoke_lambda: InvokeLambda,
    fetcher: Fetcher,
    paid: Mapping[str, PaidExecutor],
    test_paid: Mapping[str, PaidExecutor] | None,
) -> dict[str, Executor]:
    """By node type. `paid` are the vendors by provider; `test_paid` those of the test types, None without these."""
    executors: dict[str, Executor] = {
        "asset": FetchAsset(store=store, fetcher=fetcher),
        "generate-voiceover": ByProvider({"local": GenerateVoiceover(store), "elevenlabs": paid["elevenlabs"]}),
        "generate-talking-head": ByProvider({"local": GenerateTalkingHead(store), "heygen": paid["heygen"]}),
        "generate-animation": ByProvider(
            {"local": GenerateAnimation(store), "runway": paid["runway"], "veo3": paid["veo3"]}
        ),
        "render-code": ByProvider({"local": RenderCode(store), "remotion": paid["remotion"]}),
        "mix-audio": MixAudio(media_function),
        "merge-videos": MergeVideos(media_function),
        "compose-video": ComposeVideo(media_function),
        "invoke-lambda": invoke_lambda,
    }
    if test_paid is not None:
        executors["noop"] = Noop(store, bought=test_paid)
    return executors

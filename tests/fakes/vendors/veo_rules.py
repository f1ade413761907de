"""What Veo on Vertex AI takes, model by model. Imports nothing of ours."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

MODELS = ("veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001")
_INSTANCE = frozenset({"prompt", "image", "lastFrame", "video", "referenceImages"})
_PARAMETERS = frozenset(
    {
        "aspectRatio", "durationSeconds", "generateAudio", "resolution", "sampleCount", "seed", "personGeneration",
        "enhancePrompt", "negativePrompt", "compressionQuality", "resizeMode", "storageUri", "pubsubTopic", "fps",
    }
)  # fmt: skip
_ENUMS: Mapping[str, tuple[Any, ...]] = {
    "aspectRatio": ("16:9", "9:16"),
    "durationSeconds": (4, 6, 8),
    "resolution": ("720p", "1080p"),
    "sampleCount": (1, 2, 3, 4),
    "generateAudio": (True, False),
    "personGeneration": ("allow_adult", "dont_allow"),
}
_PICTURES = ("image/jpeg", "image/png", "image/webp")


class Invalid(Exception):
    """What is wrong with a request."""


def check(body: Any, *, is_strict: bool = True) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Instance and parameters. Raises Invalid."""
    if not is_strict:
        return (body.get("instances") or [{}])[0], body.get("parameters", {})
    if not isinstance(body, Mapping) or set(body) - {"instances", "parameters", "labels"}:
        raise Invalid("unknown field")
    instances, parameters = body.get("instances"), body.get("parameters", {})
    if not isinstance(instances, list) or len(instances) != 1:
        raise Invalid("exactly one instance is expected")
    _check_instance(instances[0])
    _check_parameters(parameters)
    return instances[0], parameters


def _check_instance(instance: Mapping[str, Any]) -> None:
    if unknown := sorted(set(instance) - _INSTANCE):
        raise Invalid(f"unknown field in the instance: {unknown[0]}")
    if not instance.get("prompt") and "image" not in instance:
        raise Invalid("a prompt or an image is required")
    image = instance.get("image")
    if image is None:
        return
    if image.get("mimeType") not in _PICTURES:
        raise Invalid("image: unsupported mimeType")
    try:
        base64.b64decode(image.get("bytesBase64Encoded", ""), validate=True)
    except binascii.Error:
        raise Invalid("image: not base64") from None


def _check_parameters(parameters: Mapping[str, Any]) -> None:
    if unknown := sorted(set(parameters) - _PARAMETERS):
        raise Invalid(f"unknown parameter: {unknown[0]}")
    if "generateAudio" not in parameters:
        raise Invalid("generateAudio is required for Veo 3")
    for name, allowed in _ENUMS.items():
        if name in parameters and parameters[name] not in allowed:
            raise Invalid(f"{name}: expected one of {allowed}, found {parameters[name]}")
    if parameters.get("resolution") == "1080p" and parameters.get("durationSeconds", 8) != 8:
        raise Invalid("1080p requires 8 seconds")

"""Domain values as the JSON that columns hold, and back."""

from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from pipeline_service.domain.ids import NodeId, NodeUid
from pipeline_service.domain.model import PinnedInput, PinnedWork
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Asset, Failure, MediaFacts, Output


class Row(Protocol):
    """A row of the database or an object of a JSON column."""

    def __getitem__(self, key: str, /) -> Any: ...

    def get(self, key: str, default: Any, /) -> Any: ...


def output_to_json(output: Output | None) -> dict[str, Any] | None:
    if output is None:
        return None
    media = output.media
    return {
        "type": output.type.value,
        "s3Key": output.s3_key,
        "size": output.size_bytes,
        "contentType": output.content_type,
        "sha256": output.sha256,
        "duration": output.duration.total_seconds() if output.duration is not None else None,
        "media": {
            "videoCodec": media.video_codec,
            "width": media.width,
            "height": media.height,
            "fps": media.fps,
            "audioCodec": media.audio_codec,
            "sampleRate": media.sample_rate,
            "channels": media.channels,
        }
        if media is not None
        else None,
        "content": output.content,
        "contactSheet": output.contact_sheet,
    }


def output_from_json(value: Row | None) -> Output | None:
    if value is None:
        return None
    media = value["media"]
    return Output(
        type=MediaType(value["type"]),
        s3_key=value["s3Key"],
        size_bytes=value["size"],
        content_type=value["contentType"],
        sha256=value["sha256"],
        duration=timedelta(seconds=value["duration"]) if value["duration"] is not None else None,
        media=MediaFacts(
            video_codec=media["videoCodec"],
            width=media["width"],
            height=media["height"],
            fps=media["fps"],
            audio_codec=media["audioCodec"],
            sample_rate=media["sampleRate"],
            channels=media["channels"],
        )
        if media is not None
        else None,
        content=value.get("content", ""),
        contact_sheet=value.get("contactSheet", ""),
    )


def failure_to_json(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {"errorType": failure.error_type, "message": failure.message, "details": failure.details}


def failure_from_json(value: Row | None) -> Failure | None:
    if value is None:
        return None
    return Failure(error_type=value["errorType"], message=value["message"], details=value["details"])


def asset_to_json(asset: Asset | None) -> dict[str, Any] | None:
    if asset is None:
        return None
    return {"type": asset.type.value, "sha256": asset.sha256, "extension": asset.extension, "url": asset.url}


def asset_from_json(value: Row | None) -> Asset | None:
    if value is None:
        return None
    return Asset(type=MediaType(value["type"]), sha256=value["sha256"], extension=value["extension"], url=value["url"])


def work_to_json(work: PinnedWork) -> dict[str, Any]:
    return {
        "nodeId": work.node_id,
        "nodeType": work.node_type,
        "provider": work.provider,
        "title": work.title,
        "config": dict(work.config),
        "asset": asset_to_json(work.asset),
        "needsClaim": work.needs_claim,
        "inputs": [
            {
                "slot": one.slot,
                "position": one.position,
                "nodeUid": str(one.node_uid),
                "nodeId": one.node_id,
                "output": output_to_json(one.output),
            }
            for one in work.inputs
        ],
    }


def work_from_json(value: Row) -> PinnedWork:
    return PinnedWork(
        node_id=NodeId(value["nodeId"]),
        node_type=value["nodeType"],
        provider=value["provider"],
        title=value["title"],
        config=value["config"],
        asset=asset_from_json(value["asset"]),
        inputs=tuple(_input_from_json(one) for one in value["inputs"]),
        needs_claim=value.get("needsClaim", True),
    )


def _input_from_json(value: Row) -> PinnedInput:
    output = output_from_json(value["output"])
    if output is None:
        raise ValueError(f"a pinned input of slot '{value['slot']}' has no output")
    return PinnedInput(
        slot=value["slot"],
        position=value["position"],
        node_uid=NodeUid(UUID(value["nodeUid"])),
        node_id=NodeId(value["nodeId"]),
        output=output,
    )

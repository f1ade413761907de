"""The node types of the fake service: two, with everything that a type can have."""

from typing import Any

import grpc
from google.protobuf import duration_pb2, struct_pb2
from montage.v1 import node_service_pb2 as node_api
from montage.v1 import node_type_pb2 as types
from montage.v1 import resources_pb2 as resources

from tests.integration.cli.fake_refusals import refuse

Context = Any  # grpc.aio.ServicerContext, of which the stubs know only a part


def node_types() -> list[types.NodeType]:
    """By name."""
    asset = types.NodeType(name="nodeTypes/asset", description="Material.", max_attempts=3)
    mix = types.NodeType(
        name="nodeTypes/mix-audio",
        description="Puts an audio track onto a video.",
        makes=resources.MEDIA_TYPE_VIDEO,
        slots=[
            types.Slot(
                name="audio",
                description="The tracks.",
                accepts=[resources.MEDIA_TYPE_AUDIO, resources.MEDIA_TYPE_VIDEO],
                min_count=1,
                max_count=8,
            ),
            types.Slot(name="logo", description="A mark.", accepts=[resources.MEDIA_TYPE_IMAGE], max_count=1),
        ],
        config_fields=[
            types.ConfigField(
                name="provider",
                description="Who does the work.",
                kind=types.CONFIG_FIELD_KIND_STRING,
                required=True,
                allowed_values=["ffmpeg"],
            ),
            types.ConfigField(
                name="audioVolume",
                description="Loudness.",
                kind=types.CONFIG_FIELD_KIND_NUMBER,
                minimum=0,
                maximum=2,
                default_value=struct_pb2.Value(number_value=1),
            ),
            types.ConfigField(
                name="fast",
                description="Hurries.",
                kind=types.CONFIG_FIELD_KIND_BOOLEAN,
                default_value=struct_pb2.Value(bool_value=False),
            ),
            types.ConfigField(name="cropTop", description="Cut off.", kind=types.CONFIG_FIELD_KIND_INTEGER, minimum=0),
        ],
        revision=1,
        start_to_close=duration_pb2.Duration(seconds=960),
        max_attempts=3,
    )
    return [asset, mix]


class FakeCatalogue:
    """The part of NodeService that tells what there is to say."""

    async def ListNodeTypes(
        self, request: node_api.ListNodeTypesRequest, context: Context
    ) -> node_api.ListNodeTypesResponse:
        return node_api.ListNodeTypesResponse(node_types=node_types())

    async def GetNodeType(self, request: node_api.GetNodeTypeRequest, context: Context) -> node_api.GetNodeTypeResponse:
        found = [one for one in node_types() if one.name == request.name]
        if not found:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "NODE_TYPE_NOT_FOUND", f"no node type {request.name}")
        return node_api.GetNodeTypeResponse(node_type=found[0])

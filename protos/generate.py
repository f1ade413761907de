"""Regenerates the stubs in `protos/gen` and the image that `buf` lints.

`python protos/generate.py` writes them; `--check` fails when they differ from what is committed; `--image FILE` writes
a buf image; `--accept-breaking` renews the baseline that `buf breaking` compares with.
"""

import argparse
import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTOS = Path(__file__).resolve().parent
STUBS = PROTOS / "gen"
BASELINE = PROTOS / "baseline.binpb"
VALIDATE = "buf/validate/validate.proto"


def main() -> int:
    options = _parse(sys.argv[1:])
    if options.image:
        options.image.write_bytes(build_image())
        return 0
    if options.accept_breaking:
        BASELINE.write_bytes(build_image())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        write_stubs(fresh)
        if options.check:
            return _report_differences(fresh)
        shutil.rmtree(STUBS, ignore_errors=True)
        shutil.copytree(fresh, STUBS)
    return 0


def write_stubs(folder: Path) -> None:
    """Write message, type and service stubs for every proto below `protos/montage`, and the rules that they import.

    The wheel of protovalidate carries the rules' descriptor, but no stub of the kind that ours import.
    """
    _protoc([f"--python_out={folder}", f"--pyi_out={folder}", f"--grpc_python_out={folder}"], *_own_protos())
    _protoc([f"--python_out={folder}"], VALIDATE)


def build_image() -> bytes:
    """Build a buf image: a descriptor set in which imports are marked, so that only our files are linted."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "image.binpb"
        _protoc([f"--descriptor_set_out={raw}", "--include_imports", "--include_source_info"], *_own_protos())
        image = descriptor_pb2.FileDescriptorSet.FromString(raw.read_bytes())
    marked = descriptor_pb2.FileDescriptorSet()
    for file in image.file:
        data = file.SerializeToString()
        if not file.name.startswith("montage/"):
            data += _IS_IMPORT
        marked.file.append(descriptor_pb2.FileDescriptorProto.FromString(data))
    return marked.SerializeToString()


# buf.alpha.image.v1.ImageFile: field 8042 holds a message whose field 1 is `is_import`.
_IS_IMPORT = bytes([0xD2, 0xF6, 0x03, 0x02, 0x08, 0x01])


def _own_protos() -> list[str]:
    return sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("montage/**/*.proto"))


def _protoc(outputs: list[str], *protos: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        validate = Path(folder) / "validate.binpb"
        validate.write_bytes(_validate_descriptors().SerializeToString())
        googleapis = str(resources.files("google.rpc").joinpath("../.."))
        arguments = [
            "protoc",
            f"--proto_path={PROTOS}",
            f"--proto_path={resources.files('grpc_tools').joinpath('_proto')}",
            f"--proto_path={googleapis}",
            f"--descriptor_set_in={validate}",
            *outputs,
            *protos,
        ]
        if protoc.main(arguments) != 0:
            sys.exit("protoc refused the protos; see above")


def _validate_descriptors() -> descriptor_pb2.FileDescriptorSet:
    """The descriptor of buf/validate/validate.proto with all that it imports."""
    descriptors = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(descriptors.file.add())
    descriptors.file.append(descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary()))
    return descriptors


def _report_differences(fresh: Path) -> int:
    names = sorted(
        {
            str(path.relative_to(root))
            for root in (fresh, STUBS)
            for path in root.rglob("*.py*")
            if path.suffix != ".pyc"
        }
    )
    stale = [name for name in names if not _same(fresh / name, STUBS / name)]
    for name in stale:
        print(f"protos/gen/{name} differs from what the protos give; run bin/gen", file=sys.stderr)  # noqa: T201
    return 1 if stale else 0


def _same(left: Path, right: Path) -> bool:
    return left.exists() and right.exists() and filecmp.cmp(left, right, shallow=False)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--accept-breaking", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""A change that would break clients is noticed, on a copy of the contract."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parents[3]
BASELINE = ROOT / "protos/baseline.binpb"
BUF = Path(sys.executable).parent / "buf"


@pytest.fixture
def contract() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(BASELINE.read_bytes())


def pipeline_of(contract: FileDescriptorSet) -> DescriptorProto:
    messages = (message for file in contract.file if file.package == "montage.v1" for message in file.message_type)
    return next(message for message in messages if message.name == "Pipeline")


def breaking(contract: FileDescriptorSet, folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold a contract against the baseline, as `bin/lint` does."""
    image = folder / "image.binpb"
    image.write_bytes(contract.SerializeToString())
    command = [str(BUF), "breaking", str(image), "--against", str(BASELINE), "--config", "buf.yaml"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_deleted_field_is_refused(contract: FileDescriptorSet, tmp_path: Path) -> None:
    fields = pipeline_of(contract).field
    fields.remove(next(field for field in fields if field.name == "uid"))

    found = breaking(contract, tmp_path)

    assert found.returncode != 0
    assert '"2" with name "uid" on message "Pipeline" was deleted' in found.stdout


def test_added_field_is_not(contract: FileDescriptorSet, tmp_path: Path) -> None:
    kind = FieldDescriptorProto
    pipeline_of(contract).field.add(name="added", number=999, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL)

    found = breaking(contract, tmp_path)

    assert found.returncode == 0, found.stdout + found.stderr

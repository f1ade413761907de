"""A renderer whose parent was killed does not go on drawing."""

import json
import subprocess
import sys
from pathlib import Path

from executor_service.integrations.local.animation import AnimationJob
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]


def test_renderer_at_the_end_of_its_input_leaves_at_once(tmp_path):
    job = AnimationJob(
        prompt="Hello", reference_image=None, duration_s=100, width=1280, height=720, fps=25, draft_label=False,
        destination=str(tmp_path / "title.mp4"),
    )  # fmt: skip
    command = [sys.executable, "-P", "-m", "executor_service.integrations.local.render"]
    renderer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)})
    with renderer:
        renderer.stdin.write(json.dumps({"kind": "animation", "job": vars(job)}).encode() + b"\n")
        renderer.stdin.flush()
        assert b"progress" in renderer.stdout.readline()

        renderer.stdin.close()

        assert renderer.wait(timeout=PATIENCE_S) == 1
    assert not (tmp_path / "title.mp4").exists()

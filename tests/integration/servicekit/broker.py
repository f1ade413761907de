"""A real nats-server that a test starts, kills and starts again."""

import os
import socket
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from servicekit.tls import TlsFiles

CONFIG = """
listen: "127.0.0.1:{port}"
server_name: test
jetstream {{ store_dir: "{folder}/js" }}
tls {{ cert_file: "{tls.cert}", key_file: "{tls.key}", ca_file: "{tls.ca}", verify: true, timeout: 5 }}
authorization {{
  users: [
    {{ user: cook, password: right, permissions: {{
         publish: {{ deny: "secret.>" }}, subscribe: {{ allow: ["_INBOX_cook.>", "open.>"] }} }} }}
  ]
}}
"""


@dataclass
class Broker:
    """A nats-server process that can be killed and started again on its port."""

    command: list[str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            assert self.process.poll() is None, "nats-server did not start"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def a_broker(folder: Path, tls: TlsFiles) -> Broker:
    """Not started yet. Its user `cook` has the password `right`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "nats.conf"
    config.write_text(CONFIG.format(port=port, folder=folder, tls=tls))
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    return Broker(command=[os.fspath(program), "-c", os.fspath(config)], port=port)

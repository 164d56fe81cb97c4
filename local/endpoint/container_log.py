"""Carry what the model server writes to the endpoint's log, as SageMaker does with a container's output.

It follows a file that another process writes, from where it ends now, and reads none of its lines.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from local.endpoint.cloud import Cloud, CloudError
from local.endpoint.deployed import DeployedEndpoint

EVERY_S = 0.25
LINES_MAX = 1_000  # of one call
READ_BYTES_MAX = 512 * 1024
STREAM = "container/local"


class ContainerLog:
    """A file's new lines, on their way to the log groups of the endpoints behind which the server stands."""

    def __init__(self, file: Path, cloud: Cloud, endpoints: Callable[[], list[DeployedEndpoint]]) -> None:
        self._file = file
        self._cloud = cloud
        self._endpoints = endpoints
        self._seen_bytes = file.stat().st_size if file.exists() else 0

    def carry(self) -> int:
        """Send the whole lines that came since the last time; gives their number. What nobody takes is lost."""
        lines = self._new_lines()
        if lines:
            for endpoint in self._endpoints():
                self._cloud.write_log(endpoint.role, f"/aws/sagemaker/Endpoints/{endpoint.name}", STREAM, lines)
        return len(lines)

    def follow(self, stopped: threading.Event, log: Callable[[str], None]) -> None:
        """Carry until `stopped`; what goes wrong is said once until it goes right again."""
        is_well = True
        while not stopped.wait(EVERY_S):
            try:
                self.carry()
                is_well = True
            except CloudError as error:
                if is_well:
                    log(f"no log of the model server: {error}")
                is_well = False

    def _new_lines(self) -> list[tuple[int, str]]:
        """With the time at which each was seen, in milliseconds."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as file:
            file.seek(self._seen_bytes)
            data = file.read(READ_BYTES_MAX)
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)[:LINES_MAX]
        self._seen_bytes += sum(map(len, lines))
        now_ms = int(time.time() * 1000)
        return [(now_ms, text) for line in lines if (text := line.decode("utf-8", "replace").strip())]

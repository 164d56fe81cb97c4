"""Keep every deployed endpoint running: its backlog, its instance, its workers. It knows no HTTP."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.endpoint.backlog import Backlog, Waiting, accept
from local.endpoint.cloud import Cloud
from local.endpoint.container import Container
from local.endpoint.deployed import DeployedEndpoint, read_endpoints
from local.endpoint.instance import Instance, Phase, Scaling
from local.endpoint.invocation import Runner
from local.endpoint.request import AsyncRequest, ValidationError

TICK_S = 0.05
PING_EVERY_S = 0.0  # a request is never sent on the word of an old ping: each failed attempt counts
WORKERS_MAX = 64


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Where the deployed resources are described, where queues are kept, which model server answers for whom."""

    deployed_file: Path
    folder: Path
    model_url: str
    model_urls: dict[str, str]
    scaling: Scaling


class RunningEndpoint:
    """One endpoint: accepts requests at once and runs them as soon as an instance is there and healthy."""

    def __init__(
        self, endpoint: DeployedEndpoint, container: Container, runner: Runner, settings: HostSettings
    ) -> None:
        self.endpoint = endpoint
        self.runner = runner
        self.backlog = Backlog(settings.folder / endpoint.name)
        self.instance = Instance(settings.scaling, now=runner.clock())
        self._container = container
        self._pinged_at = float("-inf")
        self._is_healthy = False
        self._pool = ThreadPoolExecutor(min(endpoint.concurrency, WORKERS_MAX), thread_name_prefix=endpoint.name)

    def accept(self, request: AsyncRequest) -> Waiting:
        waiting = accept(self.endpoint, request, now=self.runner.clock())
        self.backlog.add(waiting)
        self.runner.counts["accepted"] += 1
        return waiting

    def tick(self) -> None:
        """One look at clock, queue and container; starts what may start and returns at once."""
        now = self.runner.clock()
        for waiting in self.backlog.take_expired(now):
            self.runner.expire(waiting)
            self.backlog.finish(waiting)
        if self.instance.observe(backlog=len(self.backlog), now=now) is not Phase.AWAKE:
            return
        while self.backlog.running < self.endpoint.concurrency and self._is_ready(now):
            taken = self.backlog.take()
            if taken is None:
                return
            self._pool.submit(self._run, taken)

    def state(self) -> dict[str, Any]:
        counted = ("accepted", "completed", "failed", "expired", "invocations")
        return {
            **{name: self.runner.counts[name] for name in counted},
            **dict(self.runner.counts),
            "backlog": len(self.backlog),
            "running": self.backlog.running,
            "instances": self.instance.count,
            "phase": self.instance.phase,
            "healthy": self._is_healthy,
            "concurrency": self.endpoint.concurrency,
            "environment": dict(self.endpoint.environment),
        }

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    def _run(self, waiting: Waiting) -> None:
        try:
            self.runner.run(waiting)
        except Exception as error:  # noqa: BLE001 - a worker's error has no caller to go to
            self.runner.counts["lost"] += 1
            self.runner.log(f"{waiting.id}: lost by an unexpected {type(error).__name__}: {error}")
        finally:
            self.backlog.finish(waiting)

    def _is_ready(self, now: float) -> bool:
        """The health gate: a request starts only while the container's last ping was good."""
        if now - self._pinged_at >= PING_EVERY_S:
            self._is_healthy = self._container.answers_ping()
            self._pinged_at = now
        return self._is_healthy


class Host:
    """All deployed endpoints; follows the description of the deployed resources as it changes."""

    def __init__(
        self, settings: HostSettings, cloud: Cloud, *, clock: Callable[[], float], log: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.cloud = cloud
        self._clock = clock
        self._log = log
        self._lock = threading.RLock()
        self._running: dict[str, RunningEndpoint] = {}
        self._seen_mtime_ns = 0
        self._stopped = threading.Event()

    def endpoint(self, name: str) -> RunningEndpoint:
        """The endpoint of that name; raises ValidationError with SageMaker's words when there is none."""
        self.refresh()
        with self._lock:
            if name not in self._running:
                raise ValidationError(f"Endpoint {name} not found.")
            return self._running[name]

    def endpoints(self) -> list[RunningEndpoint]:
        self.refresh()
        with self._lock:
            return list(self._running.values())

    def refresh(self) -> None:
        """Read the description again when it has changed; new and changed endpoints announce themselves."""
        file = self.settings.deployed_file
        with self._lock:
            mtime_ns = file.stat().st_mtime_ns if file.exists() else 0
            if mtime_ns == self._seen_mtime_ns:
                return
            self._seen_mtime_ns = mtime_ns
            deployed = read_endpoints(file)
            for name in set(self._running) - set(deployed):
                self._running.pop(name).close()
            for name, endpoint in deployed.items():
                if name not in self._running or self._running[name].endpoint != endpoint:
                    self._replace(endpoint)

    def run(self) -> None:
        """Tick until `stop`. An error in one tick is logged and the next tick tries again."""
        while not self._stopped.wait(TICK_S):
            for running in self.endpoints():
                try:
                    running.tick()
                except Exception as error:  # noqa: BLE001 - the next tick must come
                    self._log(f"{running.endpoint.name}: {type(error).__name__}: {error}")

    def stop(self) -> None:
        self._stopped.set()
        for running in self.endpoints():
            running.close()

    def _replace(self, endpoint: DeployedEndpoint) -> None:
        """Start the endpoint, or the new version of it; what the old version runs runs on, its counts stay."""
        old = self._running.get(endpoint.name)
        container = Container(self.settings.model_urls.get(endpoint.name, self.settings.model_url))
        runner = Runner(endpoint, container, self.cloud, self._clock, self._log)
        if old is None:
            running = RunningEndpoint(endpoint, container, runner, self.settings)
        else:
            runner.counts, runner.faults = old.runner.counts, old.runner.faults
            running = RunningEndpoint(endpoint, container, runner, self.settings)
            running.backlog, running.instance = old.backlog, old.instance
            old.close()
        self._running[endpoint.name] = running
        self._log(f"endpoint {endpoint.name}: {endpoint.concurrency} at once, results in {endpoint.output_path}")
        runner.announce()

"""Run the endpoint stand-in: `python -m local.endpoint --help`. It wires the parts and knows none from inside."""

import argparse
import sys
import threading
import time
from pathlib import Path

import waitress

from local.emulator.environment import DEPLOYED_FILE
from local.endpoint.cloud import EmulatorCloud
from local.endpoint.container_log import ContainerLog
from local.endpoint.host import Host, HostSettings
from local.endpoint.instance import Scaling
from local.endpoint.server import EndpointServer

THREADS = 16


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.endpoint", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the state folder that the emulator uses")
    parser.add_argument("--emulator", required=True, metavar="URL")
    parser.add_argument("--model", required=True, metavar="URL", help="the model server of every endpoint")
    parser.add_argument(
        "--model-of", action="append", default=[], metavar="NAME=URL", help="another one for one endpoint"
    )
    parser.add_argument("--port", type=int, default=8899)
    parser.add_argument("--asleep", action="store_true", help="start at zero instances")
    parser.add_argument("--wake-delay", type=float, default=0.0, metavar="SECONDS", help="from zero to one instance")
    parser.add_argument(
        "--idle", type=float, default=None, metavar="SECONDS", help="from one to zero instances; else never"
    )
    parser.add_argument(
        "--model-log", type=Path, metavar="FILE", help="what the model server writes, for its log group"
    )
    return parser


def main() -> int:
    given = arguments().parse_args()
    settings = HostSettings(
        deployed_file=given.state / DEPLOYED_FILE,
        folder=given.state / "endpoint",
        model_url=given.model,
        model_urls=dict(pair.split("=", 1) for pair in given.model_of),
        scaling=Scaling(starts_awake=not given.asleep, wake_delay_s=given.wake_delay, idle_s=given.idle),
    )
    cloud = EmulatorCloud(given.emulator)
    host = Host(settings, cloud, clock=time.time, log=_log)
    threading.Thread(target=host.run, name="ticks", daemon=True).start()
    if given.model_log is not None:
        told = ContainerLog(given.model_log, cloud, lambda: [running.endpoint for running in host.endpoints()])
        threading.Thread(target=told.follow, args=(threading.Event(), _log), name="log", daemon=True).start()
    waitress.serve(EndpointServer(host), host="127.0.0.1", port=given.port, threads=THREADS, ident="AmazonSageMaker")
    return 0


def _log(line: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""What the machine is and what it could do at most, so that a figure of another day can be read."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

CPUINFO = Path("/proc/cpuinfo")
TUNED_MALLOC = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "neon", "asimd", "sve")
_SIDE = 2048
_ROUNDS = 6
_COPIED_BYTES = 1 << 28


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of all threads of this process, which other work on the machine changes least."""
    began = time.process_time()
    work()
    return time.process_time() - began


def faults() -> int:
    """Pages that this process has been given so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def facts(*packages: str) -> dict[str, str]:
    """Processor, load, settings of threads and malloc, and the versions of Python and of the packages that count."""
    threads = [f"{name}={os.environ[name]}" for name in THREAD_SETTINGS if name in os.environ]
    return {
        "processor": description(),
        "threads": " ".join(threads) or "as each library likes",
        "malloc": os.environ.get("GLIBC_TUNABLES", "default"),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "versions": ", ".join([f"Python {platform.python_version()}", *_versions(packages)]),
    }


def _versions(packages: Iterable[str]) -> Iterable[str]:
    for package in packages:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} not installed"


def copy_gb_per_s() -> float:
    """Memory read and written by a plain copy of one thread, at its best: no work on pixels goes faster."""
    block = np.ones(_COPIED_BYTES // 8)
    target = np.empty_like(block)
    best = min(cpu_seconds(partial(np.copyto, target, block)) for _ in range(_ROUNDS))
    return round(2 * block.nbytes / best / 1e9, 1)


def limits() -> dict[str, float]:
    """Matrix products in GFLOP/s and copying in GB/s, of one thread, at its best."""
    import torch

    torch.set_num_threads(1)
    found: dict[str, float] = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        matrix = torch.randn(_SIDE, _SIDE).to(dtype)
        best = min(cpu_seconds(partial(torch.mm, matrix, matrix)) for _ in range(_ROUNDS))
        found[f"{name}_gflops"] = round(2 * _SIDE**3 / best / 1e9)
    return {**found, "copy_gb_per_s": copy_gb_per_s()}


def description() -> str:
    """One line: processor, units, load."""
    lines = CPUINFO.read_text("utf-8").splitlines() if CPUINFO.exists() else []
    told = dict(line.partition(":")[::2] for line in reversed(lines))
    fields = {name.strip(): value.strip() for name, value in told.items()}
    known = set(fields.get("flags", fields.get("Features", "")).split())
    units = " ".join(flag for flag in _FLAGS if flag in known)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{fields.get('model name', 'unknown')}, {os.cpu_count()} processors, {units or 'no known units'}; load {load}"
    )

"""What the machine is and what it could do at most, so that a figure of another day can be read; it knows no model."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
TUNED_MALLOC = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
_SIDE = 2048
_ROUNDS = 6


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of all threads of this process, which other work on the machine changes least."""
    began = time.process_time()
    work()
    return time.process_time() - began


def faults() -> int:
    """Pages that this process has been given so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def limits() -> dict[str, float]:
    """Matrix products in GFLOP/s and copying in GB/s, of one thread, at its best."""
    import torch

    torch.set_num_threads(1)
    found: dict[str, float] = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        matrix = torch.randn(_SIDE, _SIDE).to(dtype)
        best = min(cpu_seconds(partial(torch.mm, matrix, matrix)) for _ in range(_ROUNDS))
        found[f"{name}_gflops"] = round(2 * _SIDE**3 / best / 1e9)
    block = torch.ones(1 << 26)
    target = torch.empty_like(block)
    best = min(cpu_seconds(lambda: target.copy_(block)) for _ in range(_ROUNDS))
    found["copy_gb_per_s"] = round(2 * block.numel() * 4 / best / 1e9, 1)
    return found


def description() -> str:
    """One line: processor, units, load."""
    from inference_container.segmenters.precision import processor_flags

    lines = CPUINFO.read_text("utf-8").splitlines() if CPUINFO.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = [flag for flag in _FLAGS if flag in processor_flags()]
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{name}, {os.cpu_count()} processors, {' '.join(flags) or 'no known units'}; load {load}"

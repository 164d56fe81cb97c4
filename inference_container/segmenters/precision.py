"""Which numbers an image encoder works with on which processor; it knows no model.

bf16 halves what is moved and doubles what is computed per second where the processor multiplies it by itself. Where it
does not, libraries imitate it at less than half of the speed of fp32, so the processor's own flags decide.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import torch

from maskmill.core.errors import Code, Unavailable

BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})  # as Linux names the units of x86 that multiply bf16
_AMPERE = 8  # the first generation of NVIDIA's GPUs with bf16
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def processor_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What this processor can do, in Linux's words; nothing where they cannot be read."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def torch_device(name: str) -> torch.device:
    """`auto` (a GPU where there is one), `cpu` or a CUDA device; raises Unavailable for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        message = f"The device {name!r} is not available on this machine."
        raise Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=str(error)) from error
    return device


def encoder_dtype(precision: str, device: torch.device, flags: Set[str] | None = None) -> torch.dtype:
    """The numbers of the encoder's matrix products: those asked for, or with `auto` the fastest of this processor.

    `flags` stand for those of this machine. Raises Unavailable for half precision on a CPU, which has no units for it.
    """
    if device.type == "cpu":
        if precision == "fp16":
            message = "PRECISION=fp16 is for GPUs: on a CPU use bf16, fp32 or auto."
            raise Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=precision)
        has_units = not BF16_FLAGS.isdisjoint(processor_flags() if flags is None else flags)
        fastest = "bf16" if has_units else "fp32"
    else:
        fastest = "bf16" if torch.cuda.get_device_capability(device)[0] >= _AMPERE else "fp16"
    return _DTYPES[fastest if precision == "auto" else precision]

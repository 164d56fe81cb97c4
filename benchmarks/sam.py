"""How fast Segment Anything runs here, as ratios to the reference measured side by side; it knows no server.

    python -m benchmarks.sam

The parts are modules of their own (sam_encode, sam_decode, sam_ready, sam_gpu). Ratios are what counts; seconds are of
one machine on one day. The last line has the figures that the project holds itself to.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.machine import description, limits
from benchmarks.sam_decode import decode_ratio
from benchmarks.sam_encode import encode_and_prompts, lines
from benchmarks.sam_gpu import gpu_lines
from benchmarks.sam_ready import ready_ratio
from maskmill.core.engines import Engine

VIT_B_GFLOP = 972  # of the reference's image encoder; ours leaves out a thirtieth
RESULT = Path(__file__).resolve().parents[1] / "benchmarks/results/sam.json"


def main() -> int:
    """Measure everything, print it and write it down; always ends with 0."""
    began = time.monotonic()
    machine, most = description(), limits()
    print(f"machine: {machine}")
    least = {name: round(VIT_B_GFLOP / most[f"{name}_gflops"], 2) for name in ("fp32", "bf16")}
    print(f"limits of one thread: {most}; at these the products of ViT-B's encoder alone take {least} s", flush=True)
    encode = encode_and_prompts(Engine.SAM_VIT_B)
    print("\n".join(lines(encode)), flush=True)
    decode = decode_ratio()
    print(f"from a JPEG of 12 megapixels to the encoder's input: {decode}", flush=True)
    ready = {Engine.SAM_VIT_B: ready_ratio(Engine.SAM_VIT_B), Engine.SAM_VIT_H: ready_ratio(Engine.SAM_VIT_H, rounds=2)}
    for found in ready.values():
        print(f"ready from a local file: {found}", flush=True)
    print("\n".join(gpu_lines()))
    print(f"took {time.monotonic() - began:.0f} s")
    summary = {
        "encode_ratio": encode["default"]["encode"]["auto"]["ratio"],
        "prompts16_share": encode["default"]["prompts16"]["share"],
        "vit_b_ready_ratio": ready[Engine.SAM_VIT_B]["ratio"],
        "vit_h_ready_ratio": ready[Engine.SAM_VIT_H]["ratio"],
        "decode_ratio": decode["ratio"],
    }
    document = {"summary": summary, "machine": machine, "limits": most, "encode": encode, "decode": decode,
                "ready": {engine.value: found for engine, found in ready.items()}}  # fmt: skip
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    print("bench-sam " + " ".join(f"{name}={value}" for name, value in summary.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

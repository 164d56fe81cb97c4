"""How much sooner a packaged model is ready than the reference loads its checkpoint, and how much less memory it takes.

    python -m benchmarks.sam_ready sam-vit-b sam-vit-h

Each measurement is a process of its own: from the end of `import torch` until every weight has been read once, the
files being in the page cache. The reference is `sam_model_registry[…](checkpoint=…)` of segment_anything on a `.pth`
as its publisher lays it out; ours is the road of the model server on a package of the same numbers. Its hashing runs
beside all of that, as it does there; `hashed_s` is when it has ended on the same clock, which is what a first answer
waits for. Weights are random: their values change nothing here.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inference_container.checkpoints import sha256_of
from maskmill.core.engines import Engine

RATIO_MIN = {Engine.SAM_VIT_B: 10.0, Engine.SAM_VIT_H: 40.0}
PEAK_MAX = 0.55  # of the reference's memory
_PAGE_BYTES = 4096


def ready_ratio(engine: Engine, *, rounds: int = 3, dtype: str = "fp32", folder: Path | None = None) -> dict[str, Any]:
    """Times in seconds, peaks in MB over what the imports take, and `ratio` and `peak_ratio`: the best of `rounds`.

    The best, because other work on the machine can only make a measurement worse.

    Needs room for the checkpoint twice in `folder` (default: the system's folder for temporary files).
    """
    with tempfile.TemporaryDirectory(prefix="sam-ready-", dir=folder) as place:
        published, package = Path(place) / "published.pth", Path(place) / "package"
        _measured("make", engine, published, package, dtype)
        pairs = [(_measured("reference", engine, published), _measured("ours", engine, package)) for _ in range(rounds)]
    reference_s, ready_s = (min(pair[side]["seconds"] for pair in pairs) for side in (0, 1))
    reference_mb, peak_mb = (min(pair[side]["peak_mb"] for pair in pairs) for side in (0, 1))
    return {
        "engine": engine.value,
        "dtype": dtype,
        "reference_s": round(reference_s, 3),
        "ready_s": round(ready_s, 3),
        "hashed_s": round(min(ours["hashed_s"] for _, ours in pairs), 3),
        "ratio": round(reference_s / ready_s, 1),
        "reference_peak_mb": round(reference_mb),
        "peak_mb": round(peak_mb),
        "peak_ratio": round(peak_mb / reference_mb, 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", type=Engine, default=[Engine.SAM_VIT_B, Engine.SAM_VIT_H])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    found = [ready_ratio(name, rounds=given.rounds, dtype=given.dtype, folder=given.folder) for name in given.engines]
    for line in found:
        print(json.dumps(line))
    return 0 if all(is_good_enough(line) for line in found) else 1


def is_good_enough(found: dict[str, Any]) -> bool:
    """Whether a measurement reaches the project's floors."""
    return bool(found["ratio"] >= RATIO_MIN.get(Engine(found["engine"]), 1.0) and found["peak_ratio"] <= PEAK_MAX)


def _measured(what: str, engine: Engine, *paths: Path | str) -> dict[str, float]:
    """What a fresh process of this module prints, once the files that it reads are in the page cache."""
    for path in paths if what != "make" else ():
        place = Path(path)
        for file in place.iterdir() if place.is_dir() else [place]:
            sha256_of(file)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.sam_ready", f"--{what}", engine.value, *map(str, paths)]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return measured


def _make(engine: Engine, published: Path, package_folder: Path, dtype: str) -> dict[str, float]:
    import torch

    from inference_container.segmenters.architectures import ARCHITECTURES, build_sam
    from inference_container.segmenters.checkpoint import build_quickly
    from inference_container.segmenters.packaging import package

    with build_quickly():
        model = build_sam(ARCHITECTURES[engine])
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.empty(tensor.shape).uniform_(-0.05, 0.05, generator=generator)
        for name, tensor in model.state_dict().items()
    }
    torch.save(state, published)
    package(engine, published, package_folder, dtype=dtype, with_decoder=False)
    return {}


def _reference(engine: Engine, checkpoint: Path) -> dict[str, float]:
    import torch

    from inference_container.segmenters.torchvision_stand_in import ensure_torchvision

    ensure_torchvision()
    from segment_anything import sam_model_registry

    torch.set_num_threads(1)
    kind = engine.value.removeprefix("sam-").replace("-", "_")
    before_mb, began = _peak_mb(), time.perf_counter()
    _touch(sam_model_registry[kind](checkpoint=str(checkpoint)))
    return {"seconds": time.perf_counter() - began, "peak_mb": _peak_mb() - before_mb}


def _ours(engine: Engine, folder: Path) -> dict[str, float]:
    from inference_container.checkpoints import behind_others, find_checkpoint, verify

    with ThreadPoolExecutor(1, initializer=behind_others) as beside:
        checkpoint = find_checkpoint(engine, folder)
        proof = beside.submit(verify, checkpoint)
        import torch

        from inference_container.segmenters.architectures import ARCHITECTURES, build_sam
        from inference_container.segmenters.checkpoint import build_quickly, fill, open_weights
        from inference_container.segmenters.torchvision_stand_in import ensure_torchvision

        ensure_torchvision()
        import segment_anything  # noqa: F401 - as in the reference, before the clock starts

        torch.set_num_threads(1)
        before_mb, began = _peak_mb(), time.perf_counter()
        with build_quickly():
            model = build_sam(ARCHITECTURES[engine])
        fill(model, open_weights(engine, checkpoint), as_stored=True)
        _touch(model)
        seconds, peak_mb = time.perf_counter() - began, _peak_mb() - before_mb
        proof.result()
    return {"seconds": seconds, "peak_mb": peak_mb, "hashed_s": time.perf_counter() - began}


def _touch(model: Any) -> None:
    """Read one number of every page of the weights, so that none is left for later."""
    total = 0.0
    for tensor in model.state_dict().values():
        total += float(tensor.detach().reshape(-1)[:: _PAGE_BYTES // tensor.element_size()].float().sum())
    if total != total:
        raise ValueError("the weights are not finite")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _process(arguments: list[str]) -> int:
    what, engine, *paths = arguments
    if what == "--make":
        print(json.dumps(_make(Engine(engine), Path(paths[0]), Path(paths[1]), paths[2])))
    else:
        measure = {"--reference": _reference, "--ours": _ours}[what]
        print(json.dumps(measure(Engine(engine), Path(paths[0]))))
    return 0


if __name__ == "__main__":
    is_child = sys.argv[1:2] and sys.argv[1] in ("--make", "--reference", "--ours")
    sys.exit(_process(sys.argv[1:]) if is_child else main())

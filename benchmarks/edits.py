"""How fast and how exact the eight edits are on a fifth of a photograph of 12 megapixels, beside other libraries.

    python -m benchmarks.edits

It runs in .venv-bench, which holds the others. Everything is measured twice, in processes of their own: with malloc as
it is, and with malloc keeping what is freed, which helps straightforward programs more than this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.machine import TUNED_MALLOC, copy_gb_per_s, facts
from benchmarks.report import ROOT, keep, table
from benchmarks.rounds import Rounds, interleaved

_ROUNDS = 5
_SLOW_ROUNDS = 1
_PEERS = {
    "albumentations": "albumentations",
    "numpy_cv2": "numpy and OpenCV in float32",
    "pillow": "Pillow's ImageEnhance",
    "kornia": "kornia",
}


def main() -> int:
    if sys.argv[1:] == ["--measure"]:
        print(json.dumps(measured()))
        return 0
    usual, tuned = _apart({}), _apart({"GLIBC_TUNABLES": TUNED_MALLOC})
    figures: dict[str, float] = {}
    for suffix, found in (("", usual), ("_tuned", tuned)):
        for peer in _PEERS:
            figures[f"vs_{peer}{suffix}"] = found["plain"][peer]["median"]
            figures[f"vs_{peer}_noise{suffix}"] = found["noisy"][peer]["median"]
    ms = usual["ms"]
    figures |= {"error_levels_max": usual["errors"]["ours"], "ms": ms["plain"]}
    figures |= {"ms_noise": ms["noisy"], "copy_ms": ms["copy"]}
    keep(
        "edits",
        figures,
        text=_text(usual, tuned),
        machine=usual["machine"],
        guarded=("error_levels_max",),
        details={"usual": usual, "tuned": tuned},
    )
    return 0


def _apart(settings: dict[str, str]) -> dict[str, Any]:
    """`measured()` of a process of its own, with one thread."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "benchmarks.edits", "--measure"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | one | settings, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured() -> dict[str, Any]:
    """Ratios of CPU time to each peer, without noise and with it, errors in levels, and milliseconds of ours."""
    import cv2
    import numpy as np
    import torch

    from benchmarks import edit_peers as peers
    from benchmarks.photo import blob, photo
    from maskmill.imaging.picture import Picture
    from maskmill.imaging.regions import alpha_of

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    rgb, alpha = photo(), alpha_of(blob(), feather_px=3.0)
    picture, whole = Picture(rgb, None, is_grey=False), alpha.whole()
    found: dict[str, Any] = {"ms": {}, "errors": {}}
    for name, noise in (("plain", 0.0), ("noisy", peers.EDITS.noise)):
        edits = peers.EDITS.model_copy(update={"noise": noise})
        ways: dict[str, Callable[[], Any]] = {
            "ours": partial(_ours, picture, alpha, edits),
            "albumentations": partial(peers.with_albumentations(edits), rgb, whole),
            "numpy_cv2": partial(peers.numpy_cv2, rgb, whole, edits),
            "pillow": partial(peers.pillow, rgb, whole, edits),
            "copy": rgb.copy,
        }
        rounds = interleaved(ways, rounds=_ROUNDS)
        ways["kornia"] = partial(peers.with_kornia, rgb, whole, edits)
        slow = interleaved({way: ways[way] for way in ("ours", "kornia")}, rounds=_SLOW_ROUNDS)
        found[name] = {peer: _told(slow if peer == "kornia" else rounds, peer) for peer in _PEERS}
        found["ms"] |= {name: round(1000 * rounds.seconds("ours").median, 1)}
        found["ms"]["copy"] = round(1000 * rounds.seconds("copy").median, 1)
        if not noise:
            true = peers.truth(rgb, whole, edits)[8:-8, 8:-8]
            made = {way: act() for way, act in ways.items() if way != "copy"}
            found["errors"] = {
                way: round(float(np.abs(result[8:-8, 8:-8] - true).max()), 3) for way, result in made.items()
            }
    packages = ("numpy", "opencv-python-headless", "pillow", "albumentations", "kornia", "torch")
    return found | {"machine": facts(*packages), "copy_gb_per_s": copy_gb_per_s()}


def _ours(picture: Any, alpha: Any, edits: Any) -> Any:
    from maskmill.imaging.edits import apply_edits

    return apply_edits(picture, alpha, edits, seed=3).rgb


def _told(rounds: Rounds, peer: str) -> dict[str, float]:
    spread = rounds.ratio(peer, "ours")
    return {name: round(getattr(spread, name), 2) for name in ("median", "least", "most")}


def _text(usual: dict[str, Any], tuned: dict[str, Any]) -> str:
    rows = [
        [
            words,
            *(_ratio(found[noise][peer]) for noise in ("plain", "noisy") for found in (usual, tuned)),
            usual["errors"][peer],
        ]
        for peer, words in _PEERS.items()
    ]
    ms, error = usual["ms"], usual["errors"]["ours"]
    head = ["peer", "its time, ours = 1", "malloc tuned", "with noise", "malloc tuned", "greatest error in levels"]
    return (
        f"{table(head, rows)}\n\n"
        f"Ours: {ms['plain']} ms of processor time, {ms['noisy']} ms with noise, and at most {error} levels beside the "
        f"formulas. Copying the picture, which the result needs anyway, takes {ms['copy']} ms; that is the limit of "
        f"memory ({usual['copy_gb_per_s']} GB/s read and written). albumentations and Pillow mean something else by "
        "the same names, which their errors show."
    )


def _ratio(spread: dict[str, float]) -> str:
    return f"{spread['median']:.3g} ({spread['least']:.3g} to {spread['most']:.3g})"


if __name__ == "__main__":
    sys.exit(main())

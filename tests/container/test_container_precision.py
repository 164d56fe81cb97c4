"""The encoder's numbers are chosen by what the processor multiplies by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")

from inference_container.segmenters.precision import encoder_dtype, processor_flags, torch_device  # noqa: E402
from maskmill.core.errors import Unavailable  # noqa: E402

CPU = torch.device("cpu")
OLD = frozenset({"avx2", "avx512f", "avx512_vnni"})


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (OLD | {"amx_bf16", "avx512_bf16"}, torch.bfloat16),
        (OLD | {"avx512_bf16"}, torch.bfloat16),
        (OLD, torch.float32),
        (frozenset(), torch.float32),
    ],
)
def test_a_cpu_gets_bf16_only_where_it_multiplies_it(flags: frozenset[str], expected: torch.dtype) -> None:
    assert encoder_dtype("auto", CPU, flags) is expected


def test_what_is_asked_for_goes_before_the_flags() -> None:
    assert encoder_dtype("bf16", CPU, OLD) is torch.bfloat16
    assert encoder_dtype("fp32", CPU, OLD | {"amx_bf16"}) is torch.float32


def test_half_precision_on_a_cpu_is_refused_with_what_to_do() -> None:
    with pytest.raises(Unavailable) as caught:
        encoder_dtype("fp16", CPU)
    assert "bf16, fp32 or auto" in caught.value.message


@pytest.mark.parametrize(("generation", "expected"), [(7, torch.float16), (8, torch.bfloat16), (9, torch.bfloat16)])
def test_a_gpu_gets_bf16_from_ampere_on(
    monkeypatch: pytest.MonkeyPatch, generation: int, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (generation, 5))
    assert encoder_dtype("auto", torch.device("cuda")) is expected
    assert encoder_dtype("fp16", torch.device("cuda")) is torch.float16


def test_flags_are_read_in_linuxs_words(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_tile\n\nprocessor\t: 1\nflags\t\t: fpu other\n")
    assert processor_flags(path) == {"fpu", "avx512_bf16", "amx_tile"}
    path.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert processor_flags(path) == frozenset()
    assert processor_flags(tmp_path / "missing") == frozenset()


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert torch_device("auto") == CPU

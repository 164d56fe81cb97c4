"""What docs/model-server.md says is what the code does."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from inference_container.faults import Fault
from inference_container.settings import Settings
from inference_container.telemetry import Phase
from maskmill.core.errors import Code

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "model-server.md").read_text()


class Asked(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, **values: str) -> None:
        self.values_ = values
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> set[str]:
    first = re.findall(r"^\| (`[^|]+) \|", section(title), re.M)
    return {name for cell in first for name in re.findall(r"`([A-Za-z0-9_]+)`", cell)}


def test_every_variable_that_is_read_is_named_and_no_other() -> None:
    asked: set[str] = set()
    for more in ({}, {"SAGEMAKER_BIND_TO_PORT": "1"}, {"THREADS": "1"}):
        environment = Asked(SEGMENTER="sam-vit-b", **more)
        Settings.from_env(environment)
        asked |= environment.names
    assert rows("Settings") == asked


def test_every_fault_is_named() -> None:
    assert rows("Faults to order") == {fault.value for fault in Fault}


def test_every_code_and_phase_that_is_named_exists() -> None:
    codes = set(re.findall(r"`([a-z]+_[a-z_]+)`", PAGE.split("## ")[0])) - {"inference_container"}
    assert codes
    assert codes <= {code.value for code in Code}
    assert all(f"`{phase.value}`" in section("Log and statistics") for phase in Phase)

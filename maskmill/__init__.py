"""Maskmill: a folder of photos and a few clicks become a masked, edited, labelled dataset.

The names that a program needs first stand here (`from maskmill import Client`) and are loaded when they are asked for,
because the functions import this package, too, and need none of them. `__init__.pyi` tells type checkers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Automask": "maskmill.core.automask",
    "Box": "maskmill.core.geometry",
    "Client": "maskmill.client",
    "Composition": "maskmill.core.recipe",
    "Distribution": "maskmill.core.recipe",
    "Edits": "maskmill.core.edit",
    "FindEverything": "maskmill.core.api",
    "Layer": "maskmill.core.recipe",
    "MaskmillError": "maskmill.core.errors",
    "Output": "maskmill.core.recipe",
    "OutputFormat": "maskmill.core.recipe",
    "Placement": "maskmill.core.prompt",
    "Point": "maskmill.core.geometry",
    "Progress": "maskmill.client.progress",
    "Prompt": "maskmill.core.prompt",
    "Recipe": "maskmill.core.recipe",
    "Refinement": "maskmill.core.prompt",
    "RegionExpr": "maskmill.core.recipe",
    "RegionOp": "maskmill.core.recipe",
    "SegmentImage": "maskmill.core.api",
    "Template": "maskmill.core.prompt",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

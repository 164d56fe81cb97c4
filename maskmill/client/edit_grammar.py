"""What the language of the command line says of edits and of the regions that they are for; it knows no option.

REGION:key=value[,key=value…]    see maskmill.client.grammar for the whole language
"""

from __future__ import annotations

import re
from collections.abc import Callable

from maskmill.core.edit import RANGES, Background, Edits
from maskmill.core.recipe import Distribution, Layer, Region, RegionExpr, RegionOp

_OPERATORS = {"+": RegionOp.UNION, "!": RegionOp.SUBTRACT, "&": RegionOp.INTERSECT}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,119}")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Fault(Exception):
    """What is wrong, in a few words."""


def layer_of(text: str) -> Layer:
    named, colon, rest = text.partition(":")
    if not colon or not named.strip():
        raise Fault("the name of a template and ':' are missing before the edits")
    region = _region(named)
    values: dict[str, object] = {}
    vary: dict[str, Distribution] = {}
    flags: set[str] = set()
    for key, value in pairs_of(rest):
        if key in RANGES:
            _put_number(key, value, values, vary)
        elif key == "crop" and value in ("", "true", "yes"):
            flags.add(key)
        elif key in _EDITS:
            values[key] = _EDITS[key](value)
        else:
            raise Fault(f"{key!r} is no edit: use {', '.join([*RANGES, *_EDITS, 'crop'])}")
    if "crop" in flags:
        cutout = values.get("cutout")
        if not isinstance(cutout, dict):
            raise Fault("crop belongs to a cut-out: write cutout=transparent,crop")
        cutout["crop"] = True
    return Layer.model_validate({"region": region, "edits": Edits.model_validate(values), "vary": vary})


def _region(text: str) -> Region:
    """Names joined by operators, taken from left to right; a `!` in front turns all of it round."""
    text = text.strip()
    first, *rest = re.split(r"([+!&])", text.removeprefix("!"))
    region: Region = _named(first)
    for sign, name in zip(rest[::2], rest[1::2], strict=True):
        op = _OPERATORS[sign]
        parts = region.of if isinstance(region, RegionExpr) and region.op is op else (region,)
        region = RegionExpr(op=op, of=(*parts, _named(name)))
    return RegionExpr(op=RegionOp.INVERT, of=(region,)) if text.startswith("!") else region


def _named(text: str) -> str:
    if not NAME.fullmatch(text.strip()):
        raise Fault(f"{text.strip()!r} is no name of a template: write a, a+b, a!b, a&b or !a before the ':'")
    return text.strip()


def pairs_of(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not key or (equals and not value) or (not equals and key != "crop"):
            raise Fault(f"{part.strip()!r} is not key=value")
        if key in dict(pairs):
            raise Fault(f"{key} is given twice")
        pairs.append((key, value))
    return pairs


def _put_number(key: str, text: str, values: dict[str, object], vary: dict[str, Distribution]) -> None:
    if ".." in text:
        low, _, high = text.partition("..")
        vary[key] = Distribution(uniform=(_in_range(key, low), _in_range(key, high)))
    elif "|" in text:
        vary[key] = Distribution(choice=tuple(_in_range(key, part) for part in text.split("|")))
    else:
        values[key] = _in_range(key, text)


def _in_range(key: str, text: str) -> float:
    low, high = RANGES[key]
    value = number_of(key, text)
    if not low <= value <= high:
        raise Fault(f"{key} takes {low:g} to {high:g}, not {text}")
    return value


def number_of(key: str, text: str) -> float:
    if not NUMBER.fullmatch(text.strip()):
        raise Fault(f"{key}={text} is not a number")
    return float(text.strip())  # which knows fewer kinds of space


def colour_of(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise Fault(f"{text!r} is not a colour such as #ff0000")
    return text


def _paint(text: str) -> dict[str, object]:
    """`#rrggbb`, `#rrggbb/strength`, and `/flat` at the end to paint over light and dark."""
    colour, *rest = text.split("/")
    keep_shading = rest[-1:] != ["flat"]
    strengths = rest if keep_shading else rest[:-1]
    if len(strengths) > 1:
        raise Fault(f"paint={text} has too many parts: write paint=#ff0000/0.8 or paint=#ff0000/0.8/flat")
    strength = number_of("paint strength", strengths[0]) if strengths else 1.0
    return {"colour": colour_of(colour), "strength": strength, "keep_shading": keep_shading}


def _cutout(text: str) -> dict[str, object]:
    if text in (Background.TRANSPARENT.value, Background.BLUR.value):
        return {"background": Background(text)}
    if text.startswith("#"):
        return {"background": Background.COLOUR, "colour": colour_of(text)}
    raise Fault(f"cutout={text} is unknown: use transparent, blur or a colour such as #ffffff")


def _blur(text: str) -> dict[str, object]:
    return {"radius": number_of("blur", text)}


def _thumbnail(text: str) -> dict[str, object]:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise Fault(f"thumbnail={text} is not a whole number of pixels")
    return {"long_side": int(text)}


_EDITS: dict[str, Callable[[str], dict[str, object]]] = {
    "paint": _paint,
    "blur": _blur,
    "cutout": _cutout,
    "thumbnail": _thumbnail,
}

"""What Maskmill ships, as a CycloneDX 1.6 document: `python -m local.sbom [--out build/sbom.json]`.

Wheels come from the locks of what is deployed, with their hashes; C libraries from the folders beside wheels that bring
their own, as they are installed here; packages of the page from its lock. The same locks and wheels give the same
bytes. It knows no vulnerability: other programs read the document and look for those.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from PIL import features

from local.emulator.environment import REPOSITORY
from maskmill import __version__

SHIPPED = {  # what each lock is installed into
    "lambda-control": "functions",
    "lambda-imaging": "functions",
    "lambda-exports": "functions",
    "inference": "model server",
    "lane": "lane",
    "transformers": "model server",
    "onnx": "model server",
    "openvino": "model server",
    "sam": "model server",
}
PAGE_LOCK = Path("frontend", "package-lock.json")
COMPILED_IN = ("svelte", "clsx", "esm-env")  # tools whose own code the built page holds
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_LIBRARY = re.compile(
    r"(?P<name>lib[A-Za-z0-9+_]+?)(?:[._-]+r?\d[\w]*)?(?:-[0-9a-f]{8})*[.-](?:(?P<first>\d[\d.]*)\.)?so(?:\.(?P<last>[\w.]+))?"
)
_PILLOWS = {
    "libavif": "avif",
    "libfreetype": "freetype2",
    "libharfbuzz": "harfbuzz",
    "libjpeg": "libjpeg_turbo",
    "liblcms2": "littlecms2",
    "libopenjp2": "jpg_2000",
    "libtiff": "libtiff",
    "libwebp": "webp",
}
_COPYLEFT = re.compile(r"\b(AGPL|GPL|GNU (Affero )?General Public)", re.IGNORECASE)
_LESSER = re.compile(r"\bLGPL|Lesser General", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is shipped: `where` are the parts of the product that hold it."""

    name: str
    version: str
    purl: str
    licences: tuple[str, ...] = ()
    where: frozenset[str] = frozenset()
    sha256: frozenset[str] = frozenset()
    inside: str = ""  # the wheel that brings it along
    integrity: str = field(default="", repr=False)

    @property
    def is_copyleft(self) -> bool:
        """Whether every licence that it may be taken under asks for the source of what it is part of."""
        return bool(self.licences) and all(_COPYLEFT.search(one) and not _LESSER.search(one) for one in self.licences)


def wheels(root: Path = REPOSITORY) -> list[Part]:
    """The wheels of all locks of what is deployed."""
    found: dict[tuple[str, str], Part] = {}
    for lock, where in SHIPPED.items():
        for name, version, hashes in pinned((root / "requirements" / f"{lock}.txt").read_text()):
            known = found.get((name, version))
            purl = f"pkg:pypi/{name}@{version}"
            found[name, version] = Part(
                name,
                version,
                purl,
                licences_of(name),
                frozenset({where}) | (known.where if known else frozenset()),
                frozenset(hashes) | (known.sha256 if known else frozenset()),
            )
    return [found[key] for key in sorted(found)]


def pinned(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and hashes of each requirement of a lock."""
    for block in re.split(r"\n(?=\S)", text):
        head = _PINNED.match(block)
        if head:
            yield head[1].lower().replace("_", "-"), head[2], _HASH.findall(block)


def licences_of(name: str) -> tuple[str, ...]:
    """What an installed distribution says of its licence; nothing for one that this machine does not need."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ()
    classified = [
        text.split("::")[-1].strip() for text in about.get_all("Classifier", []) if text.startswith("License")
    ]
    expressions, texts = about.get_all("License-Expression", []), about.get_all("License", [])
    said = "; ".join(expressions) or "; ".join(classified) or "".join(texts).split("\n")[0]
    return tuple(one.strip() for one in re.split(r"\s+OR\s+|;", said) if one.strip())


def bundled(parts: Iterable[Part]) -> list[Part]:
    """The C libraries inside the installed wheels."""
    return sorted(
        (library for part in parts for library in _libraries(part)), key=lambda one: (one.inside, one.name, one.version)
    )


def _libraries(part: Part) -> Iterator[Part]:
    try:
        if metadata.version(part.name) != part.version:
            return  # one for another Python than this
    except metadata.PackageNotFoundError:
        return
    for file in metadata.files(part.name) or []:
        folder, found = file.parent.as_posix(), _LIBRARY.fullmatch(file.name)
        if found and (folder.endswith(".libs") or (folder.endswith("/libs") and part.name in folder)):
            version = _released(part.name, found["name"]) or found["last"] or found["first"] or part.version
            data = Path(str(file.locate())).read_bytes()
            purl = f"pkg:generic/{found['name']}@{version}?vendored_in={part.name}%40{part.version}"
            digest = frozenset({hashlib.sha256(data).hexdigest()})
            yield Part(
                found["name"], version, purl, where=part.where, sha256=digest, inside=f"{part.name} {part.version}"
            )


def _released(wheel: str, library: str) -> str | None:
    """The release of a library, where its wheel tells it: the number in a file's name is that of its interface."""
    if wheel != "pillow" or library not in _PILLOWS:
        return None
    version: str | None = features.version(_PILLOWS[library])
    return version


def page_parts(root: Path = REPOSITORY) -> list[Part]:
    """The packages that the built page holds: those of its lock that are no tools, and what tools compile into it."""
    packages = json.loads((root / PAGE_LOCK).read_text())["packages"]
    return [
        Part(
            path.removeprefix("node_modules/"),
            entry["version"],
            f"pkg:npm/{path.removeprefix('node_modules/').replace('@', '%40')}@{entry['version']}",
            (entry["license"],) if "license" in entry else (),
            frozenset({"page"}),
            integrity=entry.get("integrity", ""),
        )
        for path, entry in sorted(packages.items())
        if path and (not entry.get("dev") or path.removeprefix("node_modules/") in COMPILED_IN)
    ]


def document(parts: Iterable[Part]) -> dict[str, Any]:
    """The CycloneDX document; it has no date and no serial number, so that it tells of its contents alone."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": "maskmill", "name": "maskmill", "version": __version__}
        },
        "components": [_component(part) for part in parts],
    }


def _component(part: Part) -> dict[str, Any]:
    properties = [{"name": "maskmill:where", "value": where} for where in sorted(part.where)]
    if part.inside:
        properties.append({"name": "maskmill:inside", "value": part.inside})
    if part.integrity:
        properties.append({"name": "maskmill:integrity", "value": part.integrity})
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.purl if not part.inside else f"{part.purl}#{min(part.sha256)[:12]}",
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "properties": properties,
    }
    if part.licences:
        component["licenses"] = [{"license": {"name": one}} for one in part.licences]
    if part.inside:
        component["hashes"] = [{"alg": "SHA-256", "content": one} for one in sorted(part.sha256)]
    return component


def everything() -> list[Part]:
    """All that is shipped."""
    found = wheels()
    return [*found, *bundled(found), *page_parts()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "sbom.json")
    out: Path = parser.parse_args().out
    parts = everything()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document(parts), indent=1, sort_keys=True) + "\n")
    libraries = sum(bool(part.inside) for part in parts)
    print(f"{out}: {len(parts)} parts, {libraries} of them C libraries inside wheels")
    refused = [part.name for part in parts if part.is_copyleft]
    if refused:
        print(f"these may not be shipped under their licences: {', '.join(refused)}", file=sys.stderr)
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main())

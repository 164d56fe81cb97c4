"""The outline of a mask as one polygon, holes and separate parts included; it knows no file format.

Readers of polygon labels draw with OpenCV's fillPoly (see polygons.py): points are the outermost pixels of the object,
inside is where a ray crosses the outline an odd number of times. So that one row of points can hold an object with
holes and several parts, its outlines are joined by cuts that are walked there and back: from a hole to the next
outline on its left, through the object, which costs nothing; from part to part by a short way, which costs the pixels
on that way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from maskmill.core.geometry import Size
from maskmill.imaging.components import largest_part, without_small_parts
from maskmill.imaging.masks import pixel_box
from maskmill.imaging.picture import Bools
from maskmill.imaging.polygons import Points, filled
from maskmill.imaging.rings import Ints, Ring, Runs, holes_in, rings_of

IOU_MIN = 0.99  # what an outline is simplified down to, at most
TOLERANCES_PX = (1.0, 0.5, 0.0)
PARTS_MAX = 200  # separate parts in one polygon; beyond it, the smallest are left out
CORNERS_MAX = 60_000  # of all outlines of one mask; beyond it, small parts and holes are left out
_EXACT = 1e-9
_SAMPLES_MAX = 2_000  # points of all parts that short ways are looked for between


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A mask as one polygon, with what a reader gets back of it; without `points`, it is too small to be one."""

    points: Points  # (N, 2): x, y
    iou: float
    holes_lost: int


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where one outline hangs on another: the places in their paths that a cut leads between."""

    child: int
    child_place: int
    parent: int
    parent_place: int


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A point that is put into an outline before one of its corners, for a cut to begin or end there."""

    cut: int
    before: int
    x: int
    y: int


def outline(mask: Bools) -> Outline:
    """The polygon of a mask (H, W), simplified as far as IOU_MIN allows."""
    box = pixel_box(mask)
    if box.height == 0:
        return _NOTHING
    window = mask[box.top : box.bottom, box.left : box.right]
    paths, cuts = _paths(_bounded(window))
    size = Size(height_px=box.height, width_px=box.width)
    for tolerance_px in TOLERANCES_PX:
        points = _joined(paths, cuts, tolerance_px)
        if len(np.unique(points, axis=0)) < 3:
            return _NOTHING
        drawn = filled(points, size)
        found = iou(window, drawn)
        if found >= IOU_MIN:
            break
    lost = max(0, holes_in(window) - holes_in(drawn))
    return Outline(points + np.array((box.left, box.top)), found, lost)


def iou(one: Bools, other: Bools) -> float:
    """Intersection over union of two masks; 1 when both are empty."""
    union = int(np.count_nonzero(one | other))
    return 1.0 if union == 0 else int(np.count_nonzero(one & other)) / union


_NOTHING = Outline(np.empty((0, 2), np.int64), 0.0, 0)


def _bounded(mask: Bools) -> Bools:
    """The mask, without its smallest parts and holes where there are too many of them to be walked."""
    area_px = 4
    while _corners(mask) > CORNERS_MAX or _parts(mask) > PARTS_MAX:
        fewer = without_small_parts(mask, area_px_min=area_px, diagonal=True)
        if not fewer.any():
            return largest_part(mask, diagonal=True)
        mask = ~without_small_parts(~fewer, area_px_min=area_px, diagonal=False)
        area_px *= 4
    return mask


def _parts(mask: Bools) -> int:
    return sum(not ring.is_hole for ring in rings_of(mask)[1])


def _corners(mask: Bools) -> int:
    """About how many corners the outlines have: where an edge begins or ends from row to row."""
    padded = np.pad(mask, 1)
    edges = padded[:, 1:] != padded[:, :-1]
    return int(np.count_nonzero(edges[1:] != edges[:-1]))


def _paths(mask: Bools) -> tuple[list[Points], list[_Cut]]:
    """The outlines of a mask, and the cuts that hang all of them on the first part."""
    runs, rings = rings_of(mask)
    edges = _Edges(runs, rings)
    holes = [number for number, ring in enumerate(rings) if ring.is_hole]
    anchors: dict[int, list[_Anchor]] = defaultdict(list)
    parents = []
    for cut, hole in enumerate(holes):
        parent, begin, end = edges.cut_of(mask, hole, cut)
        anchors[hole].append(begin)
        anchors[parent].append(end)
        parents.append(parent)
    paths: list[Points] = []
    places: dict[tuple[int, int], int] = {}
    for number, ring in enumerate(rings):
        path, found = _path(runs, ring, anchors[number])
        places |= {(cut, number): place for cut, place in found.items()}
        paths.append(path)
    cuts = [
        _Cut(hole, places[cut, hole], parent, places[cut, parent])
        for cut, (hole, parent) in enumerate(zip(holes, parents, strict=True))
    ]
    parts = [number for number, ring in enumerate(rings) if not ring.is_hole]
    return paths, [*cuts, *_cuts_of_parts(paths, parts)]


class _Edges:
    """To which outline the left edges of an object belong."""

    def __init__(self, runs: Runs, rings: Sequence[Ring]) -> None:
        self._runs, self._rings = runs, rings
        self._owners = np.empty(len(runs.after), np.int64)
        self._places = np.empty(len(runs.after), np.int64)
        for number, ring in enumerate(rings):
            self._owners[ring.runs] = number
            self._places[ring.runs] = np.arange(len(ring.runs))
        north = np.arange(runs.north.start, runs.north.stop)
        self._stride = int(runs.first[:, 1].max()) + 1
        keys = runs.last[north, 0] * self._stride + runs.last[north, 1]
        order = np.argsort(keys)
        self._keys, self._north = keys[order], north[order]

    def cut_of(self, mask: Bools, hole: int, cut: int) -> tuple[int, _Anchor, _Anchor]:
        """The outline on the left of a hole, and the points that a cut leads between, through the object."""
        members = self._rings[hole].runs
        south = np.flatnonzero((members >= self._runs.south.start) & (members < self._runs.south.stop))
        place = int(south[np.argmin(self._runs.first[members[south], 0])])
        x, y = (int(value) for value in self._runs.first[members[place]])
        outside = np.flatnonzero(~mask[y, : x + 1])
        left = int(outside[-1]) + 1 if outside.size else 0
        run = self._north[np.searchsorted(self._keys, left * self._stride + y, side="right") - 1]
        before = 2 * int(self._places[run]) + 1
        return int(self._owners[run]), _Anchor(cut, 2 * place, x, y), _Anchor(cut, before, left, y)


def _path(runs: Runs, ring: Ring, anchors: Sequence[_Anchor]) -> tuple[Points, dict[int, int]]:
    """The points of an outline, none twice in a row but for anchors; with the place of each anchor by its cut."""
    corners = np.stack((runs.first[ring.runs], runs.last[ring.runs]), axis=1).reshape(-1, 2)
    ordered = sorted(anchors, key=lambda one: (one.before, -one.y))  # left edges are walked upwards
    if not ordered:
        return _without_repeats(corners, np.zeros(len(corners), np.bool_))[0], {}
    before = np.array([one.before for one in ordered])
    points = np.insert(corners, before, [(one.x, one.y) for one in ordered], axis=0)
    is_anchor = np.insert(np.zeros(len(corners), np.bool_), before, True)
    points, places = _without_repeats(points, is_anchor)
    return points, {one.cut: int(place) for one, place in zip(ordered, places, strict=True)}


def _without_repeats(points: Points, is_anchor: Bools) -> tuple[Points, Ints]:
    """Points without those that only repeat their neighbour, and the places of the anchors among them."""
    repeats = (points == np.roll(points, 1, axis=0)).all(axis=1) & ~is_anchor
    if repeats.all():
        repeats[0] = False
    return points[~repeats], np.flatnonzero(is_anchor[~repeats])


def _cuts_of_parts(paths: Sequence[Points], parts: Sequence[int]) -> Iterator[_Cut]:
    """Short ways that join all parts to the first, each to the nearest that is joined already (Prim's tree)."""
    if len(parts) < 2:
        return
    most = max(4, _SAMPLES_MAX // len(parts))
    chosen = [np.unique(np.linspace(0, len(paths[part]) - 1, most).astype(np.int64)) for part in parts]
    owners = np.repeat(np.arange(len(parts)), [len(places) for places in chosen])
    places = np.concatenate(chosen)
    points = np.concatenate([paths[part][own] for part, own in zip(parts, chosen, strict=True)])
    nearest = np.full(len(points), -1, np.int64)
    distances = np.full(len(points), np.iinfo(np.int64).max)
    joined = 0
    for _ in range(len(parts) - 1):
        members = np.flatnonzero(owners == joined)
        away = ((points[:, None, :] - points[None, members, :]) ** 2).sum(axis=2)
        closest = away.argmin(axis=1)
        found = away[np.arange(len(points)), closest]
        is_nearer = (found < distances) & (nearest != _JOINED)
        distances[is_nearer], nearest[is_nearer] = found[is_nearer], members[closest[is_nearer]]
        nearest[members], distances[members] = _JOINED, np.iinfo(np.int64).max
        best = int(distances.argmin())
        parent = int(nearest[best])
        yield _Cut(parts[int(owners[best])], int(places[best]), parts[int(owners[parent])], int(places[parent]))
        joined = int(owners[best])


_JOINED = -2


def _joined(paths: Sequence[Points], cuts: Sequence[_Cut], tolerance_px: float) -> Points:
    """All outlines as one, simplified: each is walked where its cut begins, in the middle of the one it hangs on."""
    anchors: list[set[int]] = [set() for _ in paths]
    for cut in cuts:
        anchors[cut.child].add(cut.child_place)
        anchors[cut.parent].add(cut.parent_place)
    kept = [_simplified(path, anchors[number], tolerance_px) for number, path in enumerate(paths)]
    children: dict[tuple[int, int], list[_Cut]] = defaultdict(list)
    for cut in cuts:
        children[cut.parent, cut.parent_place].append(cut)
    root = min(set(range(len(paths))) - {cut.child for cut in cuts})
    found: list[tuple[int, int]] = []
    waiting = [_walk(root, int(kept[root][0]), kept[root])]
    while waiting:
        for number, place in waiting[-1]:
            found.append((number, place))
            below = children.pop((number, place), [])
            if below:
                waiting += [iter([(number, place)]), *_walks(below, (number, place), kept)]
                break
        else:
            waiting.pop()
    return np.array([paths[number][place] for number, place in found], np.int64)


def _walks(cuts: Sequence[_Cut], back: tuple[int, int], kept: Sequence[Ints]) -> Iterator[Iterator[tuple[int, int]]]:
    """The walks along the outlines that hang on one point, which is returned to after each."""
    for position, cut in enumerate(cuts):
        if position:
            yield iter([back])
        yield _walk(cut.child, cut.child_place, kept[cut.child])


def _walk(number: int, begin: int, kept: Ints) -> Iterator[tuple[int, int]]:
    """The places of an outline from one of them round to it again."""
    first = int(np.searchsorted(kept, begin))
    for place in (*kept[first:].tolist(), *kept[: first + 1].tolist()):
        yield number, place


def _simplified(path: Points, anchors: set[int], tolerance_px: float) -> Ints:
    """The places of a closed path that are kept (Douglas and Peucker), anchors among them."""
    if len(path) <= 3:
        return np.arange(len(path))
    first = min(anchors, default=0)
    away = int(((path - path[first]) ** 2).sum(axis=1).argmax())
    fixed = sorted(anchors | {first, away})
    is_kept = np.zeros(len(path) + 1, np.bool_)
    closed = np.concatenate((path, path[:1]))
    is_kept[fixed] = True
    spans = list(pairwise(fixed))
    tail = [(fixed[-1], len(path)), (0, fixed[0])]
    is_kept[0] = True
    waiting = [span for span in (*spans, *tail) if span[1] - span[0] > 1]
    while waiting:
        begin, end = waiting.pop()
        place = _farthest(closed, begin, end, tolerance_px)
        if place is not None:
            is_kept[place] = True
            waiting += [span for span in ((begin, place), (place, end)) if span[1] - span[0] > 1]
    return np.flatnonzero(is_kept[:-1])


def _farthest(points: Points, begin: int, end: int, tolerance_px: float) -> int | None:
    """The place between two that is farthest from the straight way between them; None when all are near enough."""
    origin, inner = points[begin], points[begin + 1 : end] - points[begin]
    chord = points[end] - origin
    squared = int(chord @ chord)
    along = np.clip(inner @ chord / squared, 0.0, 1.0) if squared else np.zeros(len(inner))
    away = np.hypot(inner[:, 0] - along * chord[0], inner[:, 1] - along * chord[1])
    place = int(away.argmax())
    return begin + 1 + place if away[place] > tolerance_px + _EXACT else None

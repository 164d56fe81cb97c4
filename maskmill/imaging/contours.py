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
from numpy.typing import NDArray

from maskmill.core.geometry import PixelBox, Size
from maskmill.core.mask import Rle
from maskmill.imaging.components import largest_part, without_small_parts
from maskmill.imaging.masks import pixel_box, window_of
from maskmill.imaging.picture import Bools
from maskmill.imaging.polygons import Points, filled
from maskmill.imaging.rings import Ints, Ring, Runs, holes_in, rings_of

Floats = NDArray[np.float64]

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
    return _outlined(mask[box.top : box.bottom, box.left : box.right], box)


def outline_of(rle: Rle) -> Outline:
    """The same of a mask that is not drawn yet, of which nothing is drawn but its tight box."""
    return _outlined(*window_of(rle))


def _outlined(window: Bools, box: PixelBox) -> Outline:
    if box.height == 0:
        return _NOTHING
    held, runs, rings = _bounded(window)
    paths, cuts = _paths(held, runs, rings)
    size = Size(height_px=box.height, width_px=box.width)
    for tolerance_px in TOLERANCES_PX:
        points = _joined(paths, cuts, tolerance_px)
        if len(set(map(tuple, points.tolist()))) < 3:
            return _NOTHING
        drawn = filled(points, size)
        found = iou(window, drawn)
        if found >= IOU_MIN:
            break
    holes = holes_in(rings if held is window else rings_of(window)[1])
    lost = max(0, holes - holes_in(rings_of(drawn)[1])) if holes else 0
    return Outline(points + np.array((box.left, box.top)), found, lost)


def iou(one: Bools, other: Bools) -> float:
    """Intersection over union of two masks; 1 when both are empty."""
    union = int(np.count_nonzero(one | other))
    return 1.0 if union == 0 else int(np.count_nonzero(one & other)) / union


_NOTHING = Outline(np.empty((0, 2), np.int64), 0.0, 0)


def _bounded(mask: Bools) -> tuple[Bools, Runs, list[Ring]]:
    """The mask with its outlines, without its smallest parts and holes where there are too many to be walked."""
    area_px = 4
    while True:
        if _corners(mask) <= CORNERS_MAX:
            runs, rings = rings_of(mask)
            if len(rings) - holes_in(rings) <= PARTS_MAX:
                return mask, runs, rings
        fewer = without_small_parts(mask, area_px_min=area_px, diagonal=True)
        if not fewer.any():
            largest = largest_part(mask, diagonal=True)
            return largest, *rings_of(largest)
        mask = ~without_small_parts(~fewer, area_px_min=area_px, diagonal=False)
        area_px *= 4


def _corners(mask: Bools) -> int:
    """About how many corners the outlines have: where an edge begins or ends from row to row."""
    padded = np.pad(mask, 1)
    edges = padded[:, 1:] != padded[:, :-1]
    return int(np.count_nonzero(edges[1:] != edges[:-1]))


def _paths(mask: Bools, runs: Runs, rings: Sequence[Ring]) -> tuple[list[Points], list[_Cut]]:
    """The outlines of a mask, and the cuts that hang all of them on the first part."""
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
        away = (points[:, None, 0] - points[None, members, 0]) ** 2
        away += (points[:, None, 1] - points[None, members, 1]) ** 2
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
    x, y = np.ascontiguousarray(np.concatenate((path, path[:1])).T)
    is_kept[fixed] = True
    is_kept[0] = True
    spans = np.array([*pairwise(fixed), (fixed[-1], len(path)), (0, fixed[0])]).T
    begins, ends = spans[:, spans[1] - spans[0] > 1]
    while len(begins):
        places, away_px = _farthest(x, y, begins, ends)
        is_far = away_px > tolerance_px + _EXACT
        begins, places, ends = begins[is_far], places[is_far], ends[is_far]
        is_kept[places] = True
        begins, ends = np.concatenate((begins, places)), np.concatenate((places, ends))
        is_open = ends - begins > 1
        begins, ends = begins[is_open], ends[is_open]
    return np.flatnonzero(is_kept[:-1])


def _farthest(x: Ints, y: Ints, begins: Ints, ends: Ints) -> tuple[Ints, Floats]:
    """Within each span of a path, the first of the places farthest from the straight way between its ends."""
    inner = ends - begins - 1
    offsets = np.cumsum(inner) - inner
    owner = np.repeat(np.arange(len(begins)), inner)
    places = np.arange(len(owner)) + (begins + 1 - offsets)[owner]
    from_x, from_y = x[places] - x[begins][owner], y[places] - y[begins][owner]
    chord_x, chord_y = x[ends] - x[begins], y[ends] - y[begins]
    squared = np.maximum(chord_x**2 + chord_y**2, 1)[owner]  # a chord of no length has no way along it
    chord_x, chord_y = chord_x[owner], chord_y[owner]
    along = np.minimum(np.maximum((from_x * chord_x + from_y * chord_y) / squared, 0.0), 1.0)
    away = np.hypot(from_x - along * chord_x, from_y - along * chord_y)
    most = np.maximum.reduceat(away, offsets)
    farthest = np.flatnonzero(away == most[owner])
    return places[farthest[np.searchsorted(owner[farthest], np.arange(len(begins)))]], most

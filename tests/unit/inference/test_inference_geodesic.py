"""Geodesic distances against a plain shortest-path search."""

import heapq

import numpy as np

from inference_container.segmenters.geodesic import UNREACHED, geodesic_distance, step_costs

_STEPS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def dijkstra(lab: np.ndarray, sources: np.ndarray) -> np.ndarray:
    height, width = sources.shape
    distance = np.where(sources, 0.0, np.inf)
    queue = [(0.0, int(row), int(column)) for row, column in np.argwhere(sources)]
    while queue:
        reached, row, column = heapq.heappop(queue)
        if reached > distance[row, column]:
            continue
        for down, right in _STEPS:
            to = (row + down, column + right)
            if 0 <= to[0] < height and 0 <= to[1] < width:
                cost = reached + float(np.linalg.norm(lab[to] - lab[row, column])) + 0.1 * float(np.hypot(down, right))
                if cost < distance[to] - 1e-9:
                    distance[to] = cost
                    heapq.heappush(queue, (cost, *to))
    return distance


def test_a_smooth_picture_has_exact_distances() -> None:
    rows, columns = np.mgrid[:20, :30].astype(np.float32)
    lab = np.dstack([rows * 2, columns, rows + columns]).astype(np.float32)
    sources = np.zeros((20, 30), np.bool_)
    sources[4, 7] = True
    assert np.allclose(geodesic_distance(step_costs(lab), sources), dijkstra(lab, sources), rtol=1e-4)


def test_a_wall_is_walked_around() -> None:
    lab = np.zeros((15, 15, 3), np.float32)
    lab[:12, 7] = 100.0
    sources = np.zeros((15, 15), np.bool_)
    sources[2, 2] = True
    distance = geodesic_distance(step_costs(lab), sources)
    assert np.allclose(distance, dijkstra(lab, sources), rtol=1e-4)
    assert distance[2, 12] < 5 < distance[2, 7]


def test_without_a_source_everything_is_unreached() -> None:
    distance = geodesic_distance(step_costs(np.zeros((5, 6, 3), np.float32)), np.zeros((5, 6), np.bool_))
    assert (distance == UNREACHED).all()

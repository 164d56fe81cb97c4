"""Which route a method and a path are for; it knows neither what routes do nor who calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from lambdas.serve_api.routes.call import PREFIX, Route
from maskmill.core.errors import Code, MaskmillError, NotFound


class MethodNotAllowed(MaskmillError):
    """There is something at the path, but not for this method."""

    default_code = Code.METHOD_NOT_ALLOWED

    def __init__(self, methods: Iterable[str]) -> None:
        super().__init__()
        self.methods = tuple(sorted(methods))


class Router:
    """The routes by the number of parts of their paths; where several fit, a word goes before an id."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[int, list[tuple[Sequence[str], Route]]] = defaultdict(list)
        for route in sorted(routes, key=lambda route: route.path.count("<")):
            parts = (PREFIX + route.path).split("/")
            self._routes[len(parts)].append((parts, route))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route with the ids in the path, of any shape; raises NotFound, and MethodNotAllowed."""
        parts = path.split("/")
        methods = []
        for pattern, route in self._routes.get(len(parts), ()):
            ids = _ids(pattern, parts)
            if ids is not None and route.method == method:
                return route, ids
            if ids is not None:
                methods.append(route.method)
        raise MethodNotAllowed(methods) if methods else NotFound(detail="no such route")


def _ids(pattern: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    ids = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("<") and part:
            ids[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return ids

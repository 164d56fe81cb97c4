"""What the code of a function asks of its ports, read from its source: calls, and the keys that they name.

It runs nothing. It sees the modules in the function's folder and what these use of the shared ones (SHARED); the key of a call
is followed through names, helpers and parameters to the builder in maskmill/core/keys.py that made it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra.bundle import ROOT

PORTS = frozenset(
    {"table", "media", "uploads", "work", "doors", "queues", "endpoint", "lane", "sockets", "site", "archives", "vault"}
)
SHARED = ("known", "records", "spending", "state", "usage")  # modules of lambdas/ that more than one function uses
UNKNOWN = "?"  # a key that comes with a message or lies in a row
DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class Use:
    """A call such as `media.get`, and the builder of the key that it names."""

    port: str
    method: str
    key: str


@dataclass(frozen=True)
class Source:
    """All functions that one deployed function may run, short of the adapters."""

    functions: dict[str, ast.FunctionDef]

    def uses(self) -> set[Use]:
        return {
            Use(port, node.func.attr, key)
            for function, node in self._calls()
            if isinstance(node.func, ast.Attribute) and (port := _last_name(node.func.value)) in PORTS
            for key in (self._keys(node.args[0], function, 0) if node.args else _named_keys(node))
        } | self._handed_on()

    def _handed_on(self) -> set[Use]:
        """Calls that are given to others to make, such as `read_ahead(media.get, ...)`."""
        return {
            Use(port, argument.attr, UNKNOWN)
            for _, node in self._calls()
            for argument in node.args
            if isinstance(argument, ast.Attribute) and (port := _last_name(argument.value)) in PORTS
        }

    def mentions(self, owner: str) -> set[str]:
        """Every `<owner>.<name>` in the code."""
        return {
            node.attr
            for function in self.functions.values()
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner
        }

    def attributes(self) -> set[str]:
        """Every `<anything>.<name>` in the code."""
        nodes = (node for function in self.functions.values() for node in ast.walk(function))
        return {node.attr for node in nodes if isinstance(node, ast.Attribute)}

    def made(self) -> set[str]:
        """Every plain name that is called: functions and types."""
        return {node.func.id for _, node in self._calls() if isinstance(node.func, ast.Name)}

    def queries(self) -> set[str]:
        """The indexes that are queried, by their names in the code; "" stands for the table itself."""
        made = [node for _, node in self._calls() if _last_name(node.func) == "Query"]
        named = [[_last_name(word.value) for word in node.keywords if word.arg == "index"] for node in made]
        return {"".join(names) for names in named}

    def _calls(self) -> Iterator[tuple[ast.FunctionDef, ast.Call]]:
        for function in self.functions.values():
            yield from ((function, node) for node in ast.walk(function) if isinstance(node, ast.Call))

    def _keys(self, value: ast.expr, function: ast.FunctionDef, depth: int) -> set[str]:
        """The builders that a key may come from."""
        direct = _builders(value)
        if direct or depth == DEPTH_MAX:
            return direct or {UNKNOWN}
        sources = list(self._sources(value, function))
        found = [self._keys(source, where, depth + 1) for source, where in sources]
        return set().union(*found) or {UNKNOWN}

    def _sources(self, value: ast.expr, function: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.FunctionDef]]:
        """Where a name's or a helper's value comes from: an assignment, the callers, what the helper returns."""
        if isinstance(value, ast.Name):
            yield from ((source, function) for source in _assigned(function, value.id))
            yield from self._handed(function, value.id)
        elif isinstance(value, ast.Call):
            for helper in self._named(_last_name(value.func)):
                returns = (node for node in ast.walk(helper) if isinstance(node, ast.Return))
                yield from ((node.value, helper) for node in returns if node.value is not None)

    def _named(self, name: str) -> list[ast.FunctionDef]:
        return [function for function in self.functions.values() if function.name == name]

    def _handed(self, function: ast.FunctionDef, name: str) -> Iterator[tuple[ast.expr, ast.FunctionDef]]:
        """What the callers of a function give for one of its parameters."""
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        if name not in names:
            return
        for caller, node in self._calls():
            if _last_name(node.func) == function.name and names.index(name) < len(node.args):
                yield node.args[names.index(name)], caller


@cache
def source_of(verb: str) -> Source:
    """The code of lambdas/<verb>/ with what it uses of the modules that functions share."""
    own: dict[str, ast.FunctionDef] = {}
    for path in sorted((ROOT / "lambdas" / verb).glob("*.py")):
        own |= _functions(path)
    return Source({**own, **_reached(Source(own))})


def _reached(own: Source) -> dict[str, ast.FunctionDef]:
    """What of the shared modules some code may run: what it names, and what that names in turn."""
    waiting = _named_in(own, "")
    reached: dict[str, ast.FunctionDef] = {}
    seen: set[tuple[str, str]] = set()
    while waiting:
        module, name = waiting.pop()
        if (module, name) in seen:
            continue
        seen.add((module, name))
        found = _shared(module)[name]
        reached |= found
        waiting |= _named_in(Source(found), module)
    return reached


def _named_in(source: Source, module: str) -> set[tuple[str, str]]:
    """Shared functions and classes that some code names: as `usage.take`, plainly inside their own module, or as a type."""
    named = {(other, name) for other in SHARED for name in source.mentions(other) if name in _shared(other)}
    plain = {(other, name) for other in SHARED for name in source.made() if other == module or name[0].isupper()}
    return named | {(other, name) for other, name in plain if name in _shared(other)}


@cache
def _shared(module: str) -> dict[str, dict[str, ast.FunctionDef]]:
    """The functions of a shared module by their names; a class stands for all of its methods."""
    tree = ast.parse((ROOT / "lambdas" / f"{module}.py").read_text())
    tops = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {top.name: {f"{module}:{node.lineno}": node for node in _within(top)} for top in tops}


def _within(top: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(top) if isinstance(node, ast.FunctionDef))


def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions and methods of a module, by module and line."""
    return {f"{path.stem}:{node.lineno}": node for node in _within(ast.parse(path.read_text()))}


def _last_name(value: ast.expr) -> str:
    """`media` of `ports.media`, of `self.media` and of `media`."""
    if isinstance(value, ast.Attribute):
        return value.attr
    return value.id if isinstance(value, ast.Name) else ""


def _builders(value: ast.AST) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _last_name(node.func.value) == "keys"
    }


def _named_keys(node: ast.Call) -> set[str]:
    return set().union(*(_builders(keyword.value) for keyword in node.keywords)) or {UNKNOWN}


def _assigned(function: ast.FunctionDef, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, ast.Assign)
            yield node.value

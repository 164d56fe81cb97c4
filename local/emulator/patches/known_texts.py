"""Read an expression or a policy once, not once for every row and request. It knows no table and no role.

Reason: the emulator takes the condition of a query apart, and checks it, anew for every row of the partition, and the
policies of a role anew for every request. A partition of a thousand rows then takes a tenth of a second of a small
machine, and a job over a thousand images, whose rows are asked for again and again, takes minutes.

What comes of a text is the same each time. A condition on keys as our table asks it, `pk = :pk` with a beginning or a
bound of a second key, all of text or numbers, is turned into a comparison; any other goes the emulator's own way.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from threading import local
from typing import Any

from local.emulator.internals import internal

Row = dict[str, Any]
Matches = Callable[[Row], bool]
KEPT = 2048
PLAIN, OF_KEYS = "ConditionExpression", "KeyConditionExpression"
_COMPARISONS = {"EQ": eq, "LT": lt, "LE": le, "GT": gt, "GE": ge}


def apply() -> None:
    _remember_policies(internal("core.iam_evaluator"))
    _remember_conditions(internal("services.dynamodb"))


def _remember_policies(evaluator: Any) -> None:
    parse = evaluator.parse_policy_document
    remembered = lru_cache(KEPT)(parse)

    def parse_policy_document(document: Any) -> list[Any]:
        text = document if isinstance(document, str) else json.dumps(document, sort_keys=True)
        return list(remembered(text))

    evaluator.parse_policy_document = parse_policy_document


def _remember_conditions(dynamodb: Any) -> None:
    split, evaluate, last = dynamodb._tokenize, dynamodb._evaluate_condition, local()
    tokens = lru_cache(KEPT)(lambda expression: tuple(split(expression)))

    def tokenize(expression: str) -> list[Any]:
        return list(tokens(expression))

    def evaluate_condition(
        expression: str, row: Row, values: Any, names: Any, slot: str = "ConditionExpression"
    ) -> Any:
        if slot != OF_KEYS:
            return evaluate(expression, row, values, names, slot)
        if getattr(last, "asked", None) != (expression, id(values), id(names)):
            evaluate(expression, row, values, names, slot)  # the emulator's own check of the expression
            last.matches = matching(tokens(expression), values or {}, names or {})
            last.asked, last.held = (expression, id(values), id(names)), (values, names)
        matches: Matches | None = last.matches
        return evaluate(expression, row, values, names, slot) if matches is None else matches(row)

    dynamodb._tokenize, dynamodb._evaluate_condition = tokenize, evaluate_condition
    dynamodb._condition_syntax_error = lru_cache(KEPT)(dynamodb._condition_syntax_error)


def matching(tokens: tuple[tuple[str, str], ...], values: Any, names: Any) -> Matches | None:
    """What rows a condition on keys matches, given as the emulator's tokens; None for one that is not as simple."""
    clauses: list[Matches] = []
    for clause in _clauses(tokens):
        kinds = tuple(kind for kind, _ in clause)
        words = [text for _, text in clause]
        if len(clause) == 3 and kinds[1] in _COMPARISONS and kinds[2] == "VALUE_REF":
            found = _compared(_name(clause[0], names), kinds[1], values.get(words[2]))
        elif words[:2] == ["begins_with", "("] and kinds[3:] == ("COMMA", "VALUE_REF", "RPAREN"):
            found = _beginning(_name(clause[2], names), values.get(words[4]))
        else:
            found = None
        if found is None:
            return None
        clauses.append(found)
    return lambda row: all(clause(row) for clause in clauses)


def _clauses(tokens: tuple[tuple[str, str], ...]) -> list[list[tuple[str, str]]]:
    parts: list[list[tuple[str, str]]] = [[]]
    for token in tokens:
        if token[0] == "IDENT" and token[1].upper() == "AND":
            parts.append([])
        elif token[0] != "EOF":
            parts[-1].append(token)
    return parts


def _name(token: tuple[str, str], names: Any) -> str | None:
    kind, text = token
    return text if kind == "IDENT" else names.get(text) if kind == "NAME_REF" else None


def _compared(name: str | None, kind: str, value: Any) -> Matches | None:
    compare = _COMPARISONS[kind]
    if name is None or not isinstance(value, dict):
        return None
    if isinstance(value.get("S"), str):
        text = value["S"]
        return lambda row: "S" in row.get(name, ()) and compare(row[name]["S"], text)
    if isinstance(value.get("N"), str):
        number = Decimal(value["N"])
        return lambda row: "N" in row.get(name, ()) and compare(Decimal(row[name]["N"]), number)
    return None


def _beginning(name: str | None, value: Any) -> Matches | None:
    if name is None or not isinstance(value, dict) or not isinstance(value.get("S"), str):
        return None
    beginning = value["S"]
    return lambda row: "S" in row.get(name, ()) and row[name]["S"].startswith(beginning)

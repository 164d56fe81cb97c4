"""Where words, tables and JSON go: results to stdout, everything else to stderr; it knows no service.

Names come from files and from the network, so control characters never reach a terminal, and no colour or bar is
written where no terminal is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from pydantic import BaseModel

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_COLUMNS = 240
_DIRECTION_MARKS = (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_UNPRINTABLE = str.maketrans(
    dict.fromkeys((*range(32), *range(127, 160), *_DIRECTION_MARKS), "\N{REPLACEMENT CHARACTER}")
)


def plain(text: object) -> str:
    """A text in one line without control characters, and without halves of characters that no stream can write."""
    return str(text).translate(_UNPRINTABLE).encode("utf-8", "replace").decode("utf-8")


def console_on(stream: TextIO) -> Console:
    """A rich console that writes plain text where no terminal is."""
    from rich.console import Console

    is_terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=is_terminal,
        no_color=None if is_terminal else True,
        width=None if is_terminal else _PIPE_COLUMNS,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not is_terminal,
    )


class Output:
    """One command's output; with `as_json` stdout holds JSON and nothing else."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, text: str) -> None:
        """Words for a person while something goes on."""
        print(plain(text), file=sys.stderr, flush=True)

    def result(self, text: str) -> None:
        """A line of the result for a person; nothing in JSON."""
        if not self.as_json:
            print(plain(text), flush=True)

    def document(self, value: object) -> None:
        """One JSON document on a line of its own; nothing for a person."""
        if self.as_json:
            print(json.dumps(jsonable(value)), flush=True)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
        """A table for a person; nothing in JSON."""
        if self.as_json:
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(title) if title else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for heading in headings:
            table.add_column(heading, overflow="fold", no_wrap=heading == "id")  # ids are copied whole
        for row in rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        console_on(sys.stdout).print(table)

    def listing(self, headings: Sequence[str], values: Iterable[BaseModel], cells: Any) -> None:
        """A list: a table for a person, one JSON document per line for a script."""
        if self.as_json:
            for value in values:
                self.document(value)
        else:
            self.table(headings, (cells(value) for value in values))


def jsonable(value: object) -> Any:
    """The JSON form of models, and of lists and dicts of them."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)

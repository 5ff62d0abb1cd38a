"""Rows as CSV after RFC 4180, in which no cell is a formula to a spreadsheet."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO

FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet take a cell for a formula, at its beginning; the last four are the wide
forms."""


def csv_text(rows: Iterable[Sequence[object]]) -> bytes:
    """In UTF-8."""
    text = StringIO(newline="")
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith((*FORMULA, "'")):
        return f"'{value}"
    return value.isoformat() if isinstance(value, datetime) else value

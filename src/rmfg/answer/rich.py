"""An answer as a notebook shows it: the log as a table of HTML. A function of the log, with its words.

Colors are those of the page, but for the verdicts, which are readable on light and on dark. Nothing
runs, and nothing is loaded: names of games and errors are text, whatever they hold.
"""

import html
import re

from rmfg.answer import log
from rmfg.answer.solution import Solution
from rmfg.core.status import Status

WELL, SHORT = "#2a9d5c", "#d9822b"
# A row of the certificate: what was measured, the numbers, and whether they are within tolerance.
_MEASURED = re.compile(
    r"  (?P<name>.+?) +(?P<rest>(?:-?\d|inf|nan).*?)(?:  (?P<word>ok|above tol))?"
)
_CELL = "padding: 0.1em 1.2em 0.1em 0; text-align: left; vertical-align: top; border: none;"


def page(answer: Solution) -> str:
    """Return the table that stands for the answer where HTML is shown."""
    rows = "".join(_row(line, answer) for line in log.lines(answer))
    style = "border-collapse: collapse; background: none; font-variant-numeric: tabular-nums;"
    return (
        '<div style="overflow-x: auto; max-width: 100%;">'
        f'<table class="rmfg" style="{style}">{rows}</table></div>'
    )


def _row(line: str, answer: Solution) -> str:
    measured = _MEASURED.fullmatch(line)
    if measured:
        name, word = _text(measured["name"]), measured["word"]
        verdict = "" if word is None else f" {_colored(word, word == 'ok')}"
        return _cells(
            f'<span style="padding-left: 1.2em">{name}</span>', _text(measured["rest"]) + verdict
        )
    label, rest = line[: log.LABEL].strip(), line[log.LABEL :]
    shown = _text(rest)
    if label == "status":
        certified = answer.status == Status.CERTIFIED and not answer.as_saved
        shown = _colored(rest, certified)
    return _cells(f"<b>{_text(label)}</b>", shown)


def _cells(label: str, content: str) -> str:
    return (
        f'<tr style="background: none"><td style="{_CELL} white-space: nowrap">{label}</td> '
        f'<td style="{_CELL}">{content}</td></tr>'
    )


def _colored(words: str, well: bool) -> str:
    return f'<b style="color: {WELL if well else SHORT}">{_text(words)}</b>'


def _text(words: str) -> str:
    return html.escape(words)

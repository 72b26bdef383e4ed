"""Docstrings are written for the terminal; this turns them into Markdown that means the same.

A formula such as `<p, V>` must not be taken for a tag, nor `a * b * c` for emphasis, and a BibTeX
entry is folded away. Indented blocks and quoted code are left as they are.
"""

import re
from typing import Any

import griffe

CODE = re.compile(r"(`[^`]*`)")
SPECIAL = re.compile(r"([<*\[\]|])")


class Terminal(griffe.Extension):
    """Escape what Markdown would take for markup."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            paragraphs = re.split(r"\n{2,}", obj.docstring.value)
            obj.docstring.value = "\n\n".join(map(markdown, paragraphs))


def markdown(paragraph: str) -> str:
    """One paragraph as Markdown."""
    if paragraph.startswith("    "):
        return paragraph
    if paragraph.startswith("@"):
        indented = "\n".join(f"    {line}" for line in paragraph.splitlines())
        return f'<details class="bibtex" markdown><summary>BibTeX</summary>\n\n{indented}\n\n</details>'
    parts = CODE.split(paragraph)
    parts[::2] = [SPECIAL.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)

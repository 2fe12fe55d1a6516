"""A document as Markdown, for a README: texts and tables; charts are named, not drawn."""

from __future__ import annotations

import re

from edgelpr.benchmarks.report.document import Chart, Document, Part, Section, Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def render_markdown(document: Document) -> str:
    """The text; whatever Markdown or HTML would read into a name of the document is escaped."""
    return "\n".join([f"# {_escape(document.title)}", "", *(_section(each) for each in document.sections)])


def _section(section: Section) -> str:
    return "\n".join([f"## {_escape(section.title)}", "", *(render_part(part) for part in section.parts)])


def render_part(part: Part) -> str:
    """One part, as it stands below its heading."""
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Chart):
        return f"*Chart, in the HTML report: {_escape(part.caption)}*\n"
    return f"> **Note:** {_escape(part.text)}\n" if part.warning else f"{_escape(part.text)}\n"


def _table(table: Table) -> str:
    rule = ["---:" if title in table.right else "---" for title in table.header]
    lines = [_row([_escape(title) for title in table.header]), _row(rule)]
    lines += [_row([_escape(each) for each in row]) for row in table.rows]
    caption = [f"{_escape(table.caption)}\n"] if table.caption else []
    return "\n".join([*caption, *lines, ""])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    """One line in which nothing is markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))

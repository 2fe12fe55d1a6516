"""A document as one web page: no script, nothing fetched, readable on a phone and in print."""

from __future__ import annotations

from html import escape

from edgelpr.benchmarks.report.document import Chart, Document, Part, Section, Table

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Even if something slipped through the escaping, the browser would neither run nor fetch it."""

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #c9ced6; }
p { max-width: 46rem; overflow-wrap: anywhere; }
p.warning { border-left: 4px solid #b35900; background: #fff5e8; padding: .5rem .8rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem; } a { color: #0b57a4; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .88rem; } caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #dfe3e8; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #8b939e; }
td:not(.n) { min-width: 6.5rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1.2rem 0; } figure svg { max-width: 100%; height: auto; } figcaption { font-size: .88rem; color: #454c55; }
@media (max-width: 40rem) { body { font-size: 15px; padding: .6rem; } table { font-size: .8rem; } }
@media print {
  body { max-width: none; font-size: 10pt; padding: 0; } nav { display: none; } .scroll { overflow: visible; }
  figure, tr { break-inside: avoid; } h2 { break-after: avoid; }
}
"""


def render_html(document: Document) -> str:
    """The page, self-contained; every text of the document is escaped."""
    anchors = [f"s{number}" for number, _ in enumerate(document.sections, 1)]
    links = "".join(
        f'<li><a href="#{anchor}">{escape(each.title)}</a></li>' for anchor, each in zip(anchors, document.sections)
    )
    body = "".join(_section(anchor, each) for anchor, each in zip(anchors, document.sections))
    title = escape(document.title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n<main>\n{body}</main>\n</body>\n</html>\n'
    )


def _section(anchor: str, section: Section) -> str:
    parts = "".join(_part(part) for part in section.parts)
    return f'<section id="{anchor}">\n<h2>{escape(section.title)}</h2>\n{parts}</section>\n'


def _part(part: Part) -> str:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Chart):
        return f"<figure>\n{part.svg}\n<figcaption>{escape(part.caption)}</figcaption>\n</figure>\n"
    return f'<p class="warning">{escape(part.text)}</p>\n' if part.warning else f"<p>{escape(part.text)}</p>\n"


def _table(table: Table) -> str:
    marks = [' class="n"' if title in table.right else "" for title in table.header]
    head = "".join(f'<th scope="col"{mark}>{escape(title)}</th>' for title, mark in zip(table.header, marks))
    rows = "".join(
        "<tr>" + "".join(f"<td{mark}>{escape(each)}</td>" for each, mark in zip(row, marks)) + "</tr>\n" for row in table.rows
    )
    caption = f"<caption>{escape(table.caption)}</caption>\n" if table.caption else ""
    return f'<div class="scroll"><table>\n{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'

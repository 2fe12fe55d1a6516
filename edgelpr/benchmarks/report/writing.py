"""Reports on the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edgelpr.benchmarks.bench.files import read_bench_result
from edgelpr.benchmarks.report.composing import compose
from edgelpr.benchmarks.report.document import Document
from edgelpr.benchmarks.report.html import render_html
from edgelpr.benchmarks.report.markdown import render_markdown
from edgelpr.benchmarks.report.naming import NamedResult
from edgelpr.data.writing import write_file
from edgelpr.errors import UsageError

_RENDERERS: Mapping[str, Callable[[Document], str]] = {
    ".html": render_html,
    ".htm": render_html,
    ".md": render_markdown,
    ".markdown": render_markdown,
}


def write_report(path: Path, sources: Sequence[Path], title: str | None = None) -> None:
    """Read results and write what they say, whole or not at all.

    Args:
        path: ending in .html or .md.
        sources: result files; of two with one name the folder is told too.
        title: of the report; by default what was timed.

    Raises:
        UsageError: another suffix, no result, a result given twice, or one that the report would replace.
        DataError: a result that cannot be read, or the report cannot be written.
    """
    render = _RENDERERS.get(path.suffix.lower())
    if render is None:
        raise UsageError(f"{path}: a report ends in .html or .md, which decides its format; choose one")
    if not sources:
        raise UsageError("no result to report; name at least one file that 'edgelpr bench -o' wrote")
    resolved = [source.resolve() for source in sources]
    if len(set(resolved)) < len(resolved):
        raise UsageError("a result was named twice; name each once")
    if path.resolve() in resolved:
        raise UsageError(f"{path}: is one of the results; choose another name for the report")
    write_file(path, render(compose(read_named(sources), title)).encode("utf-8"))


def read_named(sources: Sequence[Path]) -> list[NamedResult]:
    """Results by the names of their files, of two with one name by the folder too.

    Raises:
        DataError: one that cannot be read.
    """
    names = [source.name for source in sources]
    return [
        (
            source.name if names.count(source.name) == 1 else str(Path(source.parent.name, source.name)),
            read_bench_result(source),
        )
        for source in sources
    ]

"""`edgelpr bench report`: results as a page."""

from __future__ import annotations

from pathlib import Path

import click

from edgelpr.cli.output import note
from edgelpr.errors import UsageError


@click.command("report")
@click.argument("results", nargs=-1, type=click.Path(dir_okay=False, path_type=Path), metavar="[RESULT.json...]")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The report; .html draws charts, .md is for a README.",
)
@click.option(
    "--into",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PAGE.md",
    help="Instead: write the tables between the marks of a page of yours anew; the marks name the results.",
)
@click.option("--title", help="Of the report.  [default: what was timed]")
def command(results: tuple[Path, ...], output: Path | None, into: Path | None, title: str | None) -> None:
    """Write results of `edgelpr bench` as one page: tables, distributions, throughput, accuracy by speed, environment.

    The HTML is one file without scripts that fetches nothing: it opens from disk, on a phone and in print. Results of several
    models or machines may stand in one report, which then says so; whether two of them differ is what `edgelpr bench compare`
    tells.

    \b
      edgelpr bench plates.elpr -o mine.json
      edgelpr bench report mine.json -o mine.html
      edgelpr bench report --into README.md

    In the page, lines of their own, names relative to the page; after a colon, where not all tables are wanted, titles of
    sections: Beside the papers, Single stream, Offline, Accuracy and speed.

    \b
      <!-- edgelpr bench report benchmarks/results/mine.json: Single stream, Offline -->
      <!-- end of edgelpr bench report -->
    """
    if (output is None) == (into is None) or (into is not None and (results or title)):
        raise UsageError("name results and a report (-o), or only a page with marks (--into)")
    if into is not None:
        from edgelpr.benchmarks.report.into import write_into

        count = write_into(into)
        note(f"{into}: {count} marked part{' is' if count == 1 else 's are'} up to date")
        return
    assert output is not None
    from edgelpr.benchmarks.report.writing import write_report

    write_report(output, results, title)
    note(f"Written: {output}")

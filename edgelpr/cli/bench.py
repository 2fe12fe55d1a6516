"""``edgelpr bench``: figures that a sceptic can repeat."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

COMMANDS: Mapping[str, str] = {
    "run": "edgelpr.cli.bench_run",
    "paper": "edgelpr.cli.bench_paper",
    "compare": "edgelpr.cli.bench_compare",
    "report": "edgelpr.cli.bench_report",
    "self-check": "edgelpr.cli.bench_self_check",
}
"""The verbs below ``bench`` and the modules that define them as ``command``."""

_DEFAULT = "run"
_HELP = ("-h", "--help")


class BenchGroup(click.Group):
    """A group whose default is measuring a bundle: what is no verb begins the arguments of ``run``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; None for an unknown verb."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front of a bundle or of an option of its own."""
        if args and args[0] not in COMMANDS and args[0] not in _HELP:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group("bench", cls=BenchGroup)
def command() -> None:
    """Measure speed so that others can repeat it, and hold results against each other.

    `edgelpr bench BUNDLE` is short for `edgelpr bench run BUNDLE`; `edgelpr bench run --help` lists its options. Write `run`
    where a bundle has the name of a verb.

    Every sample is kept, every result names the machine, its state before and after, the versions and the hash of the graph.
    Stop everything else first: what disturbs a measurement is detected and said, but not undone.

    \b
      edgelpr bench plates.elpr --quick                       a minute, to see that it works
      edgelpr bench plates.elpr -o before.json                figures to keep
      edgelpr bench compare before.json after.json            how many times as fast, and how sure
      edgelpr bench report before.json -o before.html         a page of tables and charts
      edgelpr bench paper --quick                             the papers' figures beside ours
    """

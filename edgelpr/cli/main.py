"""The `edgelpr` command: finds its verbs lazily and turns failures into one readable line."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from edgelpr import __version__
from edgelpr.errors import EdgelprError

COMMANDS = (
    "models",
    "synth",
    "check",
    "train",
    "reproduce",
    "eval",
    "compare",
    "export",
    "calibrate",
    "build",
    "verify",
    "read",
    "track",
    "bench",
    "inspect",
    "doctor",
)
"""The verbs in the order of the work; each lives in the module of its name, as ``command``."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells do."""


class LazyGroup(click.Group):
    """A group that imports a command's module when it is asked for, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; None for an unknown verb, which click reports."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"edgelpr.cli.{cmd_name}").command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="edgelpr")
def cli() -> None:
    """Read licence plates on small devices: from a PyTorch checkpoint to a verified bundle to text.

    \b
    A first run:
      edgelpr models                                 what there is
      edgelpr export hpa-nano-cn -o plates.elpr      a checkpoint becomes a bundle
      edgelpr read plates.elpr crop.jpg              a bundle reads plates
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what follows ``edgelpr``; by default the process's own.

    Returns:
        The exit code: 0 done, 1 a failed job, 2 wrong usage, 130 interrupted. When the reader of our output
        has gone (``| head``), click ends the process quietly with 1.
    """
    try:
        outcome = cli.main(None if arguments is None else list(arguments), "edgelpr", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("Interrupted", INTERRUPTED)
    except EdgelprError as error:
        return _fail(f"Error: {error}", error.exit_code)
    except MemoryError:
        return _fail("Error: out of memory. Use a smaller batch, fewer workers, or close other programs.")
    except OSError as error:
        return _fail(f"Error: {_explain(error)}")
    return outcome if isinstance(outcome, int) else 0


def main() -> NoReturn:
    """Entry point of the installed script."""
    # Read when OpenCV is loaded: a broken image ends in our one line, not in one of OpenCV's as well.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Chinese characters shows \u4eac, not a traceback
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run())


def _fail(message: str, code: int = 1) -> int:
    click.echo(message, err=True)
    return code


def _explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}no space left on the disk. Free some, or choose another folder."
    return f"{where}{error.strerror or error}"

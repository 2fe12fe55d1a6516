"""A progress bar on stderr that does not get in the way of results."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

import click

_CLEAR_LINE = "\r\x1b[K"


class ProgressBar:
    """A bar while stderr is a terminal, silence otherwise.

    Args:
        total: how much there is to do.
        label: what is being done.
        wanted: False keeps quiet, for example when results appear on the same terminal.
    """

    def __init__(self, total: int, label: str, wanted: bool = True) -> None:
        self._shown = wanted and sys.stderr.isatty()
        self._bar: Any = click.progressbar(length=total, label=label, file=sys.stderr, show_pos=True) if self._shown else None
        self._done = 0

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, value, trace)

    def reach(self, done: int, total: int | None = None) -> None:
        """Move the bar to ``done``; ``total`` is taken so that this can serve as a progress callback."""
        if self._bar is not None:
            self._bar.update(done - self._done)
        self._done = done

    def note(self, message: str) -> None:
        """Print a line on stderr without leaving half a bar in front of it."""
        click.echo((_CLEAR_LINE if self._shown else "") + message, err=True)


class Steps:
    """Bars one after another, each as long as its first report says; silence unless stderr is a terminal.

    Args:
        label: what is being done.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: ProgressBar | None = None

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def reach(self, done: int, total: int) -> None:
        """Move the bar of this step to ``done`` of ``total``; one that is full makes room for the next step's."""
        if self._bar is None:
            self._bar = ProgressBar(total, self._label).__enter__()
        self._bar.reach(done)
        if done >= total:
            self._close()

    def note(self, message: str) -> None:
        """Print a line on stderr without leaving half a bar in front of it."""
        if self._bar is None:
            click.echo(message, err=True)
        else:
            self._bar.note(message)

    def _close(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.__exit__(None, None, None)

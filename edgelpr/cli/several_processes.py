"""Commands that ``torchrun`` starts several times at once: when one fails after they have met, it alone says why."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from edgelpr.errors import TrainingError


@contextlib.contextmanager
def ending_together() -> Iterator[None]:
    """End this process with a failed one: silently when the leading one failed and says why, else in one line.

    Needs PyTorch. Changes nothing for a process that is alone.

    Raises:
        Exit: the leading process failed.
        TrainingError: another process has ended without a word to this one.
    """
    from edgelpr.training.leading import LeaderFailedError, lost_fellows

    try:
        yield
    except LeaderFailedError as error:
        raise click.exceptions.Exit(error.exit_code) from error
    except RuntimeError as error:
        if not lost_fellows(error):
            raise
        raise TrainingError(
            "another process of this run has ended, so this one ends too; what the other one said tells why. "
            "The same command goes on from the last saved state"
        ) from error

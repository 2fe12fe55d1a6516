"""Options of commands for any network that only those for single crops have."""

from __future__ import annotations

from collections.abc import Mapping

from edgelpr.errors import UsageError


def refuse_crops_only(options: Mapping[str, object]) -> None:
    """Refuse options that would change nothing for a network that reads tracks.

    Args:
        options: values by name, as the user gave them.

    Raises:
        UsageError: one was given.
    """
    given = [name for name, value in options.items() if value]
    if given:
        raise UsageError(f"{', '.join(given)} is for networks that read single crops, and iq-stan reads tracks; leave it out")

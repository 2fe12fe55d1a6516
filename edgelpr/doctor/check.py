"""What one check found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgelpr.types import CheckStatus


@dataclass(frozen=True)
class Check:
    """One finding, with what to do about it.

    Raises:
        ValueError: an error or a warning without a remedy.
    """

    name: str
    """Of what was looked at; scripts of users look it up, so it stays."""

    status: CheckStatus
    """An error stops edgelpr, a warning costs speed or comfort, skipped does not apply here."""

    found: str
    """What is there, in words."""

    remedy: str | None = None
    """What to do, with the command; every error and warning has one."""

    def __post_init__(self) -> None:
        if self.status in ("error", "warning") and not self.remedy:
            raise ValueError(f"check '{self.name}' finds fault ({self.found}) without saying what to do")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def count(checks: Sequence[Check], status: CheckStatus) -> int:
    """How many checks ended so."""
    return sum(check.status == status for check in checks)

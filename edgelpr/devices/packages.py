"""Which packages of the system are installed, by dpkg's own list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgelpr.devices.files import read_text

STATUS = "var/lib/dpkg/status"
"""Below the root: paragraphs of ``Key: value``, one a package."""


def read_packages(root: Path) -> Mapping[str, str]:
    """Version of each installed package, by its name; empty where dpkg is not in use."""
    found = {}
    for paragraph in (read_text(root / STATUS) or "").split("\n\n"):
        fields = dict(_fields(paragraph))
        installed = fields.get("Status", "").endswith(" installed")
        if installed and "Package" in fields and "Version" in fields:
            found[fields["Package"]] = fields["Version"]
    return found


def _fields(paragraph: str) -> list[tuple[str, str]]:
    lines = [line for line in paragraph.splitlines() if line and not line[0].isspace()]
    return [(key, value.strip()) for key, separator, value in (line.partition(":") for line in lines) if separator]

"""L4T, the Linux of Jetson boards, and the JetPack that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgelpr.devices.files import read_text

RELEASE = "etc/nv_tegra_release"
"""Below the root; its first line is like ``# R36 (release), REVISION: 4.3, GCID: ..., BOARD: generic, ...``."""

CORE_PACKAGE = "nvidia-l4t-core"
"""The package whose version is L4T's, like ``36.4.3-20250107174145``."""

_LINE = re.compile(r"R(\d{1,3})\s*\(release\)\s*,\s*REVISION:\s*(\d{1,3}(?:\.\d{1,3}){0,2})")
_VERSION = re.compile(r"\d{1,3}\.\d{1,3}(?:\.\d{1,3})?")

# NVIDIA's Jetson Linux archive; public tables disagree on some, so the version of L4T is always shown beside it.
_JETPACKS = {
    "32.5": "4.5", "32.5.1": "4.5.1", "32.6.1": "4.6", "32.7.1": "4.6.1", "32.7.2": "4.6.2", "32.7.3": "4.6.3",
    "32.7.4": "4.6.4", "32.7.5": "4.6.5", "32.7.6": "4.6.6",
    "34.1": "5.0 preview", "34.1.1": "5.0.1 preview", "35.1": "5.0.2", "35.2.1": "5.1", "35.3.1": "5.1.1", "35.4.1": "5.1.2",
    "35.5": "5.1.3", "35.6": "5.1.4", "35.6.1": "5.1.5",
    "36.2": "6.0 preview", "36.3": "6.0", "36.4": "6.1", "36.4.3": "6.2", "36.4.4": "6.2.1", "36.5": "6.2.2",
    "38.2": "7.0", "38.2.1": "7.0", "38.4": "7.1", "39.2": "7.2", "39.2.1": "7.2.1",
}  # fmt: skip
_MAJORS = {28: 3, 31: 4, 32: 4, 34: 5, 35: 5, 36: 6, 38: 7, 39: 7}


@dataclass(frozen=True)
class L4t:
    """Which L4T a board runs."""

    version: str | None
    """Like ``36.4.3``; None where its files say something that is not a version."""

    raw: str
    """What they say."""

    @property
    def major(self) -> int | None:
        """The first part of the version: 36 for JetPack 6."""
        return None if self.version is None else int(self.version.split(".")[0])

    @property
    def jetpack(self) -> str | None:
        """Like ``6.2``; where only the major version is known, ``6``; None where not even that."""
        if self.version is None:
            return None
        exact = _JETPACKS.get(self.version.removesuffix(".0"))
        return exact or (str(self.jetpack_major) if self.jetpack_major is not None else None)

    @property
    def jetpack_major(self) -> int | None:
        """4, 5, 6 or 7; None of a version that is not known here."""
        return None if self.major is None else _MAJORS.get(self.major)

    @property
    def text(self) -> str:
        """For people: ``L4T 36.4.3 (JetPack 6.2)``."""
        if self.version is None:
            return f"L4T of an unknown version ({self.raw[:80]!r})"
        return f"L4T {self.version} ({f'JetPack {self.jetpack}' if self.jetpack else 'JetPack unknown'})"


def read_l4t(root: Path, packages: Mapping[str, str]) -> L4t | None:
    """L4T by its release file, else by its package; None where there is neither.

    Args:
        root: of the file system.
        packages: installed ones, as ``read_packages`` gives them.
    """
    release = read_text(root / RELEASE)
    match = _LINE.search(release or "")
    if match is not None:
        return L4t(f"{match[1]}.{match[2]}", match.string.splitlines()[0])
    package = packages.get(CORE_PACKAGE)
    version = _VERSION.match(package or "")
    if version is not None:
        return L4t(version[0], str(package))
    raw = release or package
    return None if raw is None else L4t(None, raw.splitlines()[0])

"""Comparing versions as numbers, never as texts."""

from __future__ import annotations

import re

from edgelpr.cuda.facts import cuda_version

_PARTS = 3


def numbers(version: str) -> tuple[int, ...]:
    """The first three numbers: ``10.3.0.30-1+cuda12.5`` gives (10, 3, 0); nothing where it starts with none."""
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return () if match is None else tuple(int(part) for part in match[1].split(".")[:_PARTS])


def cuda_text(version: int | None) -> str:
    """CUDA's own number in words: 12060 is ``12.6``."""
    return "an unknown version" if version is None else cuda_version(version)

"""Altering a bundle by hand, as tests of what is refused do."""

from __future__ import annotations

import json
from pathlib import Path


def edit(bundle: Path, **changes) -> None:
    """Change keys of a bundle's manifest and nothing else."""
    path = bundle / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), encoding="utf-8")

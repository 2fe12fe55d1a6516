"""Pin what ``make bundles`` made: the hash of every graph, beside the weights and the versions that it came from.

    make bundles && .venv/bin/python benchmarks/pin_bundles.py      writes calibration/bundles.json

``tests/unit/test_shipped_bundles.py`` makes the bundles again and compares; run this after new weights or a new record.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

from edgelpr.atomic import write_atomically
from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import EdgelprError
from edgelpr.models.weights import resolve_checkpoint

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "calibration" / "bundles.json"
DECIDING = ("numpy", "onnx", "onnxruntime", "onnxscript", "onnxsim", "torch")
"""Packages whose versions can change a graph."""


def main() -> None:
    """Read every bundle in ``bundles/`` and write the pins."""
    bundles = [Bundle.open(path) for path in sorted((ROOT / "bundles").glob("*.elpr"))]
    pins = {
        "versions": {name: version(name).partition("+")[0] for name in DECIDING},
        "bundles": {bundle.path.stem: _pin(bundle) for bundle in bundles},
    }
    write_atomically(PINS, (json.dumps(pins, indent=1) + "\n").encode())
    print(f"Written: {PINS.relative_to(ROOT)}, {len(bundles)} bundles")


def _pin(bundle: Bundle) -> dict[str, object]:
    graphs = {graph.file: bundle.manifest.files[graph.file].sha256 for graph in bundle.manifest.graphs}
    return {
        "weights": hashlib.sha256(resolve_checkpoint(bundle.path.stem).read_bytes()).hexdigest(),
        "graphs": dict(sorted(graphs.items())),
    }


if __name__ == "__main__":
    try:
        main()
    except EdgelprError as error:
        sys.exit(f"Error: {error}")

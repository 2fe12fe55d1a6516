"""Training, export and runtime turn a crop into the same network input, because they call the same definition."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import edgelpr
from edgelpr.bundle.bundle import Bundle
from edgelpr.preprocessing.crop import Preprocessing, scale
from edgelpr.runtime.recognizer import Recognizer

PACKAGE = Path(edgelpr.__file__).parent
SIZES = [(24, 94), (50, 160), (60, 200), (37, 300), (140, 44)]


def _crop(size: tuple[int, int], planes: int) -> np.ndarray:
    shape = size if planes == 1 else (*size, planes)
    return np.random.default_rng(size[0]).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_runtime_feeds_the_engine_what_the_definition_says(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], planes: int
) -> None:
    fed = []
    with Recognizer.open(tiny_bundle) as recognizer:
        run = recognizer._engine.run  # type: ignore[union-attr]
        monkeypatch.setattr(recognizer._engine, "run", lambda batch: (fed.append(batch.copy()), run(batch))[1])
        recognizer.read(_crop(size, planes))
    assert np.array_equal(fed[0][0], tiny_bundle.manifest.preprocessing.apply(_crop(size, planes)))


@pytest.mark.parametrize("size", SIZES)
def test_training_sees_what_the_definition_says(size: tuple[int, int]) -> None:
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    from edgelpr.data.rendering.samples import RenderedPlate, Renderer
    from edgelpr.plates.format import PlateFormat
    from edgelpr.training.rendered import RenderedSource
    from edgelpr.training.samples import TrainingSamples

    spec = PlateFormat("digits", "0123456789", 4)
    crop = _crop(size, 3)

    class Fixed(Renderer):
        def render(self, seed: int, number: int) -> RenderedPlate:
            return RenderedPlate(crop, "1234", np.zeros((4, 4), dtype=np.float32), "fixed")

    samples = TrainingSamples(RenderedSource(Fixed(spec), 0), 0, 1)
    assert np.array_equal(samples[0].crop.numpy(), Preprocessing.of(spec).apply(crop))


@pytest.mark.parametrize("planes", [1, 3])
def test_the_graphs_own_scaling_is_that_of_the_definition(planes: int) -> None:
    torch = pytest.importorskip("torch", reason="the export needs the extra 'export'")
    from edgelpr.models.door import GreyDoor

    crops = np.random.default_rng(0).integers(0, 256, (3, 50, 160), dtype=np.uint8)
    inside = GreyDoor(planes, torch.float32)(torch.from_numpy(crops)).numpy()
    np.testing.assert_allclose(inside, scale(crops, planes), rtol=0, atol=1e-7)


def test_nobody_else_resizes_to_the_networks_input() -> None:
    """Resizing outside preprocessing/ is for drawing, varying, other readers and statistics, never for our network's input."""
    allowed = {"preprocessing/crop.py", "benchmarks/latency.py", "training/varying_real.py", "calibration/appearance.py"}
    allowed |= {"benchmarks/peer_input.py", "benchmarks/peer_reader.py", "runtime/tracks/maps.py"}
    users = set()
    for path in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        if any(isinstance(node, ast.Attribute) and ast.unparse(node) == "cv2.resize" for node in nodes):
            users.add(path.relative_to(PACKAGE).as_posix())
    elsewhere = {user for user in users if not user.startswith("data/")}
    assert "preprocessing/crop.py" in users and elsewhere <= allowed

"""The benchmark of fp16 and INT8: what it compares, and on which plates."""

from __future__ import annotations

import numpy as np
import pytest
from sample_crops import fill
from sample_networks import DIGITS, SMALL, small_network

from edgelpr.benchmarks.reduced import make_bundles, measure_losses, measure_speed, middling_renderer, write_middling
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.data.rendering import capture
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.models import hpa
from edgelpr.models.checkpoint import save_checkpoint


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reduced")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(hpa.ARCHITECTURES, SMALL.name, SMALL)
        save_checkpoint(folder / "small.safetensors", small_network())
        images = [CalibrationSource(fill(folder / "images", 34))]
        first = make_bundles(str(folder / "small.safetensors"), folder, folder / "absent.json", images, lambda line: None)
        record = first.reduced.file("calibration.json").read_bytes()
        (folder / "record.json").write_bytes(record)
        (folder / "again").mkdir()
        second = make_bundles(
            str(folder / "small.safetensors"), folder / "again", folder / "record.json", images, lambda line: None
        )
    return first, second


def test_the_plain_export_has_no_rewrite_and_the_other_every_precision(bundles):
    first, _ = bundles
    assert [graph.rewrites for graph in first.plain.manifest.graphs] == [()]
    assert set(first.reduced.manifest.precisions) == {"fp32", "fp16", "int8"}
    assert not first.reused


def test_a_record_of_the_same_graph_gives_the_same_files(bundles):
    first, second = bundles
    assert second.reused
    files = ("fp16.onnx", "int8.onnx", "int8-cpu.onnx")
    assert [second.reduced.manifest.files[name] for name in files] == [first.reduced.manifest.files[name] for name in files]


def test_each_precision_is_held_against_fp32(bundles, tmp_path):
    first, _ = bundles
    plates = write_middling(DIGITS, GlyphSources(), tmp_path, 12, 3)
    labelled = [type(plate)(plate.path, _read(first, plate)) for plate in plates]  # fp32 reads all of them right
    entries = measure_losses(first.reduced, labelled, 1)
    assert [(entry["file"], entry["simulated"]) for entry in entries] == [
        ("fp32.onnx", False),
        ("fp16.onnx", False),
        ("int8-cpu.onnx", False),
        ("int8.onnx", True),
    ]
    assert entries[0]["correct"] == 12
    assert all(entry["lost"] == 12 - entry["correct"] and entry["gained"] == 0 for entry in entries)


def test_times_are_taken_of_all_three(bundles, tmp_path):
    crops = [plate.load() for plate in write_middling(DIGITS, GlyphSources(), tmp_path, 2, 3)]
    assert set(measure_speed(bundles[0], crops, 1, 3)) == {"plain fp32", "fp32", "int8"}


def test_plates_of_middling_difficulty_are_never_tiny_nor_taken_by_the_worst_cameras(monkeypatch):
    seen = []
    monkeypatch.setattr(capture, "_add_noise", lambda picture, severity, rng: seen.append(severity))
    renderer = middling_renderer(DIGITS, GlyphSources())
    images = [renderer.render(1, number).image for number in range(60)]
    assert len(seen) == 60
    assert max(seen) == 0.6
    assert min(seen) < 0.3
    assert min(image.shape[0] for image in images) >= 14  # resampling may still shrink a crop of 24 pixels


def test_what_the_worst_camera_does_is_unchanged_by_the_new_limit():
    plain, limited = Renderer(DIGITS), GlyphSources().renderer(DIGITS)
    assert all(np.array_equal(plain.render(5, n).image, limited.render(5, n).image) for n in range(3))


def _read(bundles, plate):
    from edgelpr.runtime.recognizer import Recognizer

    with Recognizer.open(bundles.reduced) as recognizer:
        return recognizer.read(plate.path).plate

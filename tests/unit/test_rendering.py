"""Rendered plates: deterministic, labelled, complete, and resumable as a folder."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgelpr.data.rendering.chinese import CHINESE
from edgelpr.data.rendering.glyphs import FolderGlyphs, FontGlyphs
from edgelpr.data.rendering.samples import Renderer, render_crops
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.data.rendering.writing import LABELS_FILE, SynthesisJob, write_plates
from edgelpr.errors import DataError
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import BUILT_IN, load_plate_format

CN = load_plate_format("cn")
TWO_ROWS = {name for name, layout in CHINESE.items() if layout.styles}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(CN)


def test_same_seed_and_number_give_the_same_plate_whatever_came_before(renderer: Renderer) -> None:
    fresh = Renderer(CN)
    for _ in range(3):
        renderer.render(1, 0)
    one, other = renderer.render(7, 5), fresh.render(7, 5)
    assert one.plate == other.plate and np.array_equal(one.image, other.image) and np.array_equal(one.boxes, other.boxes)
    assert not np.array_equal(one.boxes, renderer.render(8, 5).boxes)


def test_boxes_lie_in_the_crop_and_run_in_reading_order(renderer: Renderer) -> None:
    for number in range(60):
        plate = renderer.render(3, number)
        height, width = plate.image.shape[:2]
        assert (
            (plate.boxes >= 0).all()
            and (plate.boxes[:, 2] <= width + 1e-3).all()
            and (plate.boxes[:, 3] <= height + 1e-3).all()
        )
        rows = (plate.boxes[:2], plate.boxes[2:]) if plate.kind in TWO_ROWS else (plate.boxes,)
        assert all((np.diff(row[:, [0, 2]].mean(1)) > 0).all() for row in rows)


def test_boxes_hold_the_ink() -> None:
    """On large sharp plates the boxes have far more edges than the plate's middle gaps would by chance."""
    renderer = Renderer(CN, heights=(69.0, 70.0))
    inside, outside = [], []
    for number in range(40):
        plate = renderer.render(11, number)
        grey = cv2.cvtColor(plate.image, cv2.COLOR_BGR2GRAY).astype(np.float32)
        edges = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        mask = np.zeros(grey.shape, dtype=bool)
        for x0, y0, x1, y1 in plate.boxes.round().astype(int):
            mask[y0:y1, x0:x1] = True
        inside.append(edges[mask].mean())
        outside.append(edges[~mask].mean())
    assert np.median(np.array(inside) / np.array(outside)) > 1.3


@pytest.mark.parametrize("name", BUILT_IN)
def test_crops_of_every_built_in_format_have_its_input_size(name: str) -> None:
    spec = load_plate_format(name)
    crops = render_crops(spec, 3)
    assert crops.shape == (3, *spec.height_width) and crops.dtype == np.uint8 and crops.std() > 5


def test_two_rows_stand_one_above_the_other() -> None:
    spec = PlateFormat("two", "0123456789", 6, rows=2)
    boxes = Renderer(spec).render(0, 0).boxes
    assert boxes[:3, 3].max() < boxes[3:, 3].min() and boxes[:3, 1].max() < boxes[3:, 1].min()


def test_a_pattern_decides_what_is_drawn_where() -> None:
    spec = PlateFormat("mine", "0123456789AB", 3, pattern=("AB", "0123456789", "7"))
    plates = [Renderer(spec).render(0, number).plate for number in range(20)]
    assert all(p[0] in "AB" and p[1].isdigit() and p[2] == "7" for p in plates)


def test_a_character_the_font_lacks_is_named() -> None:
    spec = PlateFormat("klingon", "AЖ", 2)
    with pytest.raises(DataError, match="has no character 'Ж'"):
        [Renderer(spec).render(0, number) for number in range(20)]


def test_glyph_folders_and_fonts_that_cannot_be_used_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no glyph images.*140_A\.jpg"):
        FolderGlyphs(tmp_path / "nothing")
    (tmp_path / "bad.ttf").write_bytes(b"not a font")
    with pytest.raises(DataError, match="not a readable font"):
        FontGlyphs(tmp_path / "bad.ttf")
    (tmp_path / "140_A.png").write_bytes(b"broken")
    with pytest.raises(DataError, match="140_A.png: not a readable glyph"):
        FolderGlyphs(tmp_path).mask("A", "140", 10, 5)
    with pytest.raises(DataError, match="no glyph 140_B"):
        FolderGlyphs(tmp_path).mask("B", "140", 10, 5)


def test_glyphs_from_a_folder_are_used(tmp_path: Path) -> None:
    for character in "AB":
        cv2.imwrite(str(tmp_path / f"140_{character}.png"), np.zeros((90, 45), dtype=np.uint8))
    renderer = GlyphSources(folders=(tmp_path,), font_share=0.0).renderer(PlateFormat("ab", "AB", 3))
    assert renderer.render(0, 0).image.size > 0


def _job(count: int, seed: int = 0) -> SynthesisJob:
    return SynthesisJob(CN, GlyphSources(), count, seed)


def test_a_folder_is_labelled_and_the_same_with_more_workers(tmp_path: Path) -> None:
    one = write_plates(_job(20), tmp_path / "one")
    two = write_plates(_job(20), tmp_path / "two", workers=2)
    assert one.read_text(encoding="utf-8") == two.read_text(encoding="utf-8")
    rows = list(csv.DictReader(one.open(encoding="utf-8")))
    assert len(rows) == 20
    for row in rows:
        image = cv2.imread(str(one.parent / row["image"]))
        assert image is not None and len(row["boxes"].split(";")) == len(row["plate"])
        assert np.array_equal(image, cv2.imread(str(two.parent / row["image"])))


def test_an_interrupted_folder_goes_on_and_a_finished_one_is_kept(tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    folder = tmp_path / "plates"
    with pytest.raises(KeyboardInterrupt):
        write_plates(_job(12), folder, progress=interrupt)
    assert not (folder / LABELS_FILE).exists()
    with pytest.raises(DataError, match="other settings"):
        write_plates(_job(12, seed=1), folder)
    seen: list[int] = []
    labels = write_plates(_job(12), folder, progress=seen.append)
    assert seen[0] == 5 and labels.read_text(encoding="utf-8") == write_plates(_job(12), tmp_path / "whole").read_text(
        encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"holds labels\.csv already"):
        write_plates(_job(12), folder)


def test_ctrl_c_with_workers_ends_quietly_and_keeps_what_is_there(tmp_path: Path) -> None:
    """The signal goes to the whole group, as from a terminal."""
    folder = tmp_path / "plates"
    arguments = [sys.executable, "-m", "edgelpr", "synth", "-o", str(folder), "--count", "100000", "--workers", "2"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    while process.poll() is None and not (folder / "images" / "000020.png").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Interrupted" in errors and "Traceback" not in errors
    assert (folder / "labels.part.csv").exists() and not (folder / LABELS_FILE).exists()


def test_a_run_record_that_is_not_ours_is_explained(tmp_path: Path) -> None:
    (tmp_path / "synth.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="unfinished run with other settings"):
        write_plates(_job(2), tmp_path)
    assert (tmp_path / "synth.json").read_bytes() == b"\xff\xfe\x00"


def test_a_torn_line_is_drawn_again(tmp_path: Path) -> None:
    labels = write_plates(_job(4), tmp_path / "plates")
    text = labels.read_text(encoding="utf-8")
    labels.unlink()
    (labels.parent / "labels.part.csv").write_text(text[:-10], encoding="utf-8")
    assert write_plates(_job(4), labels.parent).read_text(encoding="utf-8") == text

"""The pool of rendered plates: the same samples whoever fills it, whole slots only, no mixing of pools."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_training import DIGITS, QUIET, TINY, assert_same_weights, tiny_config

from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import TrainingError
from edgelpr.models import hpa
from edgelpr.plates.format import PlateFormat
from edgelpr.training.loop import train
from edgelpr.training.pool import PlatePool
from edgelpr.training.progress import Schedule
from edgelpr.training.rendered import Drawn, RenderedSource


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hpa.ARCHITECTURES, TINY.name, TINY)


def _pool(folder: Path, seed: int = 0, size: int = 3, description: str = "") -> PlatePool:
    return PlatePool(RenderedSource(Renderer(DIGITS, description=description), seed), seed, size, folder)


def _same(one: Drawn, other: Drawn) -> bool:
    return all(np.array_equal(left, right, equal_nan=left.dtype.kind == "f") for left, right in zip(one, other))


def test_the_first_pass_is_what_the_renderer_draws(tmp_path: Path) -> None:
    pool, source = _pool(tmp_path), RenderedSource(Renderer(DIGITS), 0)
    assert all(_same(pool.take(number), source.take(number)) for number in (2, 0, 1))
    assert _same(_pool(tmp_path).take(1), source.take(1))  # from the file


def test_later_passes_vary_each_plate_a_little_and_always_the_same_way(tmp_path: Path) -> None:
    pool = _pool(tmp_path)
    first, passes = pool.take(1), [pool.take(1 + 3 * number) for number in range(1, 30)]
    assert all(_same(drawn, pool.take(1 + 3 * number)) for number, drawn in enumerate(passes, start=1))
    assert len({drawn.crop.tobytes() for drawn in passes}) > 20 and any(_same(drawn, first) for drawn in passes)
    length = int((first.classes < 10).sum())
    for drawn in passes:
        assert np.array_equal(drawn.classes, first.classes) and drawn.crop.dtype == np.uint8
        assert np.isnan(drawn.boxes[length:]).all() and np.abs(drawn.boxes[:length] - first.boxes[:length]).max() < 0.15


def test_boxes_move_along_with_the_picture() -> None:
    from edgelpr.training.varying import _move

    crop = np.zeros((50, 160), dtype=np.uint8)
    crop[20:30, 60:80] = 255
    boxes = np.array([(60 / 160, 20 / 50, 80 / 160, 30 / 50)], dtype=np.float32)
    for seed in range(20):
        moved, found = _move(crop, boxes, np.random.default_rng(seed))
        rows, columns = np.nonzero(moved > 127)
        edges = (columns.min() / 160, rows.min() / 50, (columns.max() + 1) / 160, (rows.max() + 1) / 50)
        assert np.abs(found[0] - edges).max() < 0.02  # a pixel


def test_a_filled_slot_is_not_drawn_again_and_a_damaged_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = _pool(tmp_path)
    whole = pool.take(0)
    draws: list[int] = []
    original = RenderedSource.take
    monkeypatch.setattr(RenderedSource, "take", lambda self, number: draws.append(number) or original(self, number))
    assert _same(pool.take(0), whole) and draws == []
    with pool.path.open("r+b") as file:  # as a power cut might leave it
        file.seek(100)
        file.write(bytes(200))
    assert _same(pool.take(0), whole) and draws == [0]


def test_pools_of_other_plates_have_files_of_their_own(tmp_path: Path) -> None:
    letters = PlatePool(RenderedSource(Renderer(PlateFormat("letters", "ABC", 4)), 0), 0, 3, tmp_path)
    paths = {_pool(tmp_path).path, _pool(tmp_path, seed=1).path, _pool(tmp_path, size=4).path, letters.path}
    assert len(paths | {_pool(tmp_path, description="others").path}) == 5
    assert _pool(tmp_path).path in paths


def test_a_pool_travels_to_another_process(tmp_path: Path) -> None:
    pool = _pool(tmp_path)
    drawn = pool.take(0)
    assert _same(pickle.loads(pickle.dumps(pool)).take(0), drawn)


def test_a_run_does_not_depend_on_who_filled_its_pool(tmp_path: Path) -> None:
    config = tiny_config(pool=5)
    alone = train(config, Renderer(DIGITS), tmp_path / "alone", schedule=QUIET)
    assert list((tmp_path / "alone").glob("*.pool"))
    shared = Schedule(report_every=1000, save_every=1000, workers=0, pool_folder=tmp_path / "pool")
    _filled = [_pool(tmp_path / "pool", size=5).take(number) for number in (3, 4)]
    one, two = (train(config, Renderer(DIGITS), tmp_path / name, schedule=shared) for name in ("one", "two"))
    assert len(list((tmp_path / "pool").iterdir())) == 1 and not list((tmp_path / "one").glob("*.pool"))
    assert_same_weights(alone, one)
    assert_same_weights(alone, two)


def test_workers_that_fill_the_pool_give_the_same_run(tmp_path: Path) -> None:
    config = tiny_config(pool=5)
    alone = train(config, Renderer(DIGITS), tmp_path / "alone", schedule=QUIET)
    workers = Schedule(report_every=1000, save_every=1000, workers=2)
    assert_same_weights(alone, train(config, Renderer(DIGITS), tmp_path / "workers", schedule=workers))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    def full(descriptor: int, content: bytes, place: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    schedule = Schedule(report_every=1000, save_every=1000, workers=workers)
    with pytest.raises(TrainingError, match=r"rendered-\w+\.pool: .* cannot be used \(No space left") as caught:
        train(tiny_config(pool=5), Renderer(DIGITS), tmp_path, schedule=schedule)
    assert "Traceback" not in str(caught.value) and str(caught.value).endswith("--pool-folder")


def test_a_pool_larger_than_the_disk_is_refused_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(TrainingError, match="a pool of 1000 plates needs 0.0 GB more and 0.0 GB are free"):
        _pool(tmp_path, size=1000)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TrainingError, match="cannot hold a pool"):
        _pool(tmp_path / "file" / "below")

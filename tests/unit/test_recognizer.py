"""The recogniser: every kind of input, batches, errors, threads, and an honest choice of engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgelpr.errors import BackendError, ImageError
from edgelpr.runtime.backends.onnxruntime import loader
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.reading import Reading
from edgelpr.runtime.recognizer import Recognizer

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def recognizer(tiny_bundle):
    with Recognizer.open(tiny_bundle, threads=1, batch_size=4) as opened:
        yield opened


def save(path: Path, image: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def plates(results) -> list[str]:
    return [result.plate for result in results]


class CountingEngine:
    """Remembers the sizes of its batches; reads the brightness of a crop as its first digit."""

    description = "counting engine"
    device = "CPU"
    engine_sha256 = None

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, batch: np.ndarray) -> RawOutput:
        self.batches.append(len(batch))
        classes = np.full((len(batch), 4), 10, np.int32)
        classes[:, 0] = batch[:, 0, 0] // 20
        return RawOutput(classes, np.ones((len(batch), 4), np.float32), None)

    def close(self) -> None:
        """Nothing to free."""


@pytest.fixture
def counting(tiny_bundle):
    engine = CountingEngine()
    return engine, Recognizer(tiny_bundle, engine, "onnxruntime", "fp32", batch_size=4)


# Inputs


@pytest.mark.parametrize("plate", ["1234", "90", "7"])
def test_one_array(recognizer, paint, plate):
    reading = recognizer.read(paint(plate))
    assert isinstance(reading, Reading)
    assert reading.plate == plate
    assert 0.9 < reading.confidence <= 1
    assert reading.seconds > 0


def test_any_size_and_colour(recognizer, paint):
    for image in (paint("4711", 24, 94), paint("4711", 90, 400), paint("4711", 200, 120)):
        assert recognizer.read(image).plate == "4711"
        assert recognizer.read(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)).plate == "4711"
        assert recognizer.read(image[:, :, None]).plate == "4711"


def test_characters_have_confidence_and_a_box_in_crop_pixels(recognizer, paint):
    reading = recognizer.read(paint("12", 30, 200))
    assert [character.text for character in reading.characters] == ["1", "2"]
    assert reading.characters[1].box == pytest.approx((50, 0, 100, 30), abs=1e-3)
    assert all(0.9 < character.confidence <= 1 for character in reading.characters)


def test_one_path(recognizer, paint, tmp_path):
    path = save(tmp_path / "crop.png", paint("56"))
    assert recognizer.read(path).plate == "56"
    assert recognizer.read(str(path)).plate == "56"


def test_many_in_every_form(recognizer, paint, tmp_path):
    expected = [str(number) for number in range(10, 19)]
    arrays = [paint(plate) for plate in expected]
    paths = [save(tmp_path / f"{plate}.png", image) for plate, image in zip(expected, arrays)]
    mixed = [item for pair in zip(arrays[::2], paths[1::2]) for item in pair] + [arrays[-1]]
    stacked = np.repeat(np.stack(arrays)[..., None], 3, axis=-1)
    for many in (arrays, tuple(paths), mixed, stacked, (item for item in mixed)):
        assert plates(recognizer.read(many)) == expected


def test_one_in_a_list_gives_a_list(recognizer, paint):
    assert plates(recognizer.read([paint("1")])) == ["1"]
    assert plates(recognizer.read(np.repeat(paint("1")[None, :, :, None], 3, axis=-1))) == ["1"]


@pytest.mark.parametrize("empty", [[], (), iter(()), np.zeros((0, 50, 160, 3), np.uint8)])
def test_nothing_gives_an_empty_list(recognizer, empty):
    assert recognizer.read(empty) == []


@pytest.mark.parametrize("wrong", [None, 5, b"bytes", {"a": 1}])
def test_what_is_no_image_is_refused(recognizer, wrong):
    with pytest.raises(ImageError, match=f"found {type(wrong).__name__}"):
        recognizer.read(wrong)
    with pytest.raises(ImageError, match=f"found {type(wrong).__name__}"):
        recognizer.stream(wrong)


def test_a_folder_says_to_pass_files(recognizer, tmp_path):
    with pytest.raises(ImageError, match="is a folder; pass the image files"):
        recognizer.read(tmp_path)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.full((50, 160), np.nan, np.float32), "NaN"),
        (np.zeros((50, 160), np.uint16), "16 bits"),
        (np.zeros((50, 160, 4), np.uint8), "alpha"),
        (np.zeros((1, 1), np.uint8), "too small"),
        (np.zeros((0, 0), np.uint8), "too small"),
        (np.zeros((20, 20000), np.uint8), "no crop of one plate"),
        (np.zeros((8, 50, 160), np.uint8), "shape"),
    ],
)
def test_bad_arrays(recognizer, paint, image, words):
    with pytest.raises(ImageError, match=words):
        recognizer.read(image)
    with pytest.raises(ImageError, match=f"image 2: .*{words}"):
        recognizer.read([paint("1"), image])


# Streams


def test_a_broken_file_is_reported_and_the_rest_is_read(recognizer, paint, tmp_path):
    whole = save(tmp_path / "whole.png", paint("42"))
    broken = [tmp_path / "gone.png", tmp_path / "empty.png", tmp_path / "half.png"]
    broken[1].write_bytes(b"")
    broken[2].write_bytes(whole.read_bytes()[:-20])
    paths = [broken[index % 3] if index % 7 == 3 else whole for index in range(1000)]
    results = list(recognizer.stream(paths))
    assert len(results) == 1000
    for index, result in enumerate(results):
        if index % 7 == 3:
            assert isinstance(result, ImageError)
            assert paths[index].name in str(result)
        else:
            assert result.plate == "42"


def test_read_raises_the_first_error(recognizer, paint, tmp_path):
    with pytest.raises(ImageError, match=r"first\.png"):
        recognizer.read([paint("1"), tmp_path / "first.png", tmp_path / "second.png"])


def test_a_stream_of_only_broken_items(counting):
    engine, recognizer = counting
    results = list(recognizer.stream([None] * 9))
    assert [str(result)[:8] for result in results] == [f"image {number}:" for number in range(1, 10)]
    assert engine.batches == []


def test_a_stream_holds_one_batch(counting):
    engine, recognizer = counting
    drawn = []

    def endless() -> Iterator[np.ndarray]:
        while True:
            drawn.append(len(drawn))
            yield np.zeros((50, 160), np.uint8)

    stream = recognizer.stream(endless())
    assert drawn == []
    for _ in range(5):
        next(stream)
    assert len(drawn) == 8
    assert engine.batches == [4, 4]


def test_images_of_a_batch_are_not_kept_at_full_size(counting):
    _, recognizer = counting
    alive = []

    class Large(np.ndarray):
        def __del__(self):
            alive.remove(1)

    def large() -> Iterator[np.ndarray]:
        for _ in range(8):
            alive.append(1)
            assert len(alive) < 4
            yield np.zeros((500, 1600), np.uint8).view(Large)

    assert len(list(recognizer.stream(large()))) == 8


def test_a_camera_may_reuse_its_buffer(counting):
    _, recognizer = counting
    frame = np.zeros((50, 160), np.uint8)

    def camera() -> Iterator[np.ndarray]:
        for digit in range(6):
            frame[:] = digit * 20
            yield frame

    assert plates(recognizer.read(camera())) == ["0", "1", "2", "3", "4", "5"]


def test_batches_are_full_but_for_the_last(counting):
    engine, recognizer = counting
    assert len(recognizer.read([np.zeros((50, 160), np.uint8)] * 10)) == 10
    assert engine.batches == [4, 4, 2]


def test_an_error_of_the_users_generator_is_passed_on(recognizer, paint):
    def camera():
        yield paint("1")
        raise RuntimeError("camera unplugged")

    with pytest.raises(RuntimeError, match="camera unplugged"):
        recognizer.read(camera())


# Life


def test_warmup_runs_one_and_a_full_batch(counting):
    engine, recognizer = counting
    recognizer.warmup()
    assert engine.batches == [1, 4]


def test_after_close_everything_says_so(tiny_bundle, paint):
    with Recognizer.open(tiny_bundle) as recognizer:
        stream = recognizer.stream([paint("1")] * 40)
        next(stream)
    recognizer.close()
    uses = [
        lambda: recognizer.read(paint("1")),
        lambda: recognizer.read([]),
        lambda: recognizer.stream([]),
        lambda: recognizer.maps(paint("1")),
        recognizer.warmup,
        lambda: list(stream),
    ]
    for use in uses:
        with pytest.raises(BackendError, match="closed; open the bundle again"):
            use()


def test_a_closed_backend_says_so(tiny_bundle):
    backend = loader.load(tiny_bundle, "fp32", 1)
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.run(np.zeros((1, 50, 160), np.uint8))


def test_maps_for_drawing(recognizer, make_bundle, paint, tmp_path):
    maps = recognizer.maps(paint("1", 24, 94))
    assert (maps.shape, maps.dtype) == ((4, 7, 20), np.float32)
    assert (maps[2].sum(), maps[2, :, 10:15].sum()) == (35, 35)
    with Recognizer.open(make_bundle(tmp_path / "bare.elpr", maps=False)) as bare:
        assert bare.maps(paint("1")) is None
        assert bare.read(paint("1")).characters[0].box is None


def test_eight_threads_share_one_recogniser(recognizer, paint):
    def work(seed: int) -> bool:
        wanted = [str(number) for number in np.random.default_rng(seed).integers(0, 10000, 30)]
        return plates(recognizer.read(paint(plate) for plate in wanted)) == wanted

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(32))) == [True] * 32


def test_closing_while_others_read_is_clean(tiny_bundle, paint):
    recognizer = Recognizer.open(tiny_bundle, threads=1)
    image = paint("77")

    def read_on() -> None:
        while True:
            assert recognizer.read(image).plate == "77"

    def work(_: int) -> None:
        with pytest.raises(BackendError, match="closed"):
            read_on()

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(work, number) for number in range(8)]
        recognizer.read([image] * 50)
        recognizer.close()
        for future in futures:
            future.result(timeout=60)


def test_outputs_belong_to_the_caller(tiny_bundle, paint):
    backend = loader.load(tiny_bundle, "fp32", 1)
    first = backend.run(paint("1234")[None])[:3]
    kept = [array.copy() for array in first]
    backend.run(paint("9")[None])
    assert all(np.array_equal(array, copy) for array, copy in zip(first, kept))

"""From outputs to readings."""

from __future__ import annotations

import numpy as np
import pytest

from edgelpr.errors import BackendError
from edgelpr.plates.format import PlateFormat
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import class_mask, decode_logits, raw_output, to_readings


def raw(classes, probabilities, maps=None) -> RawOutput:
    return RawOutput(np.array(classes, np.int32), np.array(probabilities, np.float32), maps)


def test_logits_become_the_best_class_and_its_softmax():
    logits = np.random.default_rng(1).normal(0, 30, (5, 4, 11)).astype(np.float32)
    classes, probabilities = decode_logits(logits)
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    assert np.array_equal(classes, logits.argmax(axis=-1))
    assert np.allclose(probabilities, (exponents / exponents.sum(axis=-1, keepdims=True)).max(axis=-1), atol=1e-6)
    assert (classes.dtype, probabilities.dtype) == (np.int32, np.float32)


def test_large_logits_do_not_overflow():
    classes, probabilities = decode_logits(np.float32([[[1e4, -1e4, 9.9e3]]]))
    assert (classes.item(), probabilities.item()) == (0, 1.0)


def test_a_pattern_masks_impossible_classes():
    plate_format = PlateFormat("mine", "O0", 2, void=True, pattern=("O", "0"))
    logits = np.float32([[[1, 2, 0], [2, 1, 0]]])
    classes, probabilities = decode_logits(logits, class_mask(plate_format))
    assert plate_format.decode(classes[0]) == "O0"
    assert probabilities == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)


def test_outputs_are_found_by_name():
    logits, maps = np.zeros((1, 4, 11), np.float16), np.ones((1, 4, 7, 20), np.float16)
    output = raw_output(("logits", "maps"), (logits, maps))
    assert [array.dtype for array in (output.classes, output.probabilities, output.maps)] == [np.int32, np.float32, np.float32]
    assert raw_output(("classes", "probabilities"), (np.zeros((1, 4), np.int64), np.ones((1, 4)))).maps is None


def test_void_positions_count_for_confidence_but_have_no_character(tiny_format):
    reading = to_readings(raw([[1, 10, 2, 10]], [[0.5, 0.5, 1, 0.5]]), tiny_format, [(160, 50)], 0.25)[0]
    assert (reading.plate, reading.confidence, reading.seconds) == ("12", 0.125, 0.25)
    assert [(c.text, c.confidence, c.box) for c in reading.characters] == [("1", 0.5, None), ("2", 1.0, None)]


def test_an_all_void_plate_is_empty(tiny_format):
    reading = to_readings(raw([[10] * 4], [[1] * 4]), tiny_format, [(160, 50)], 0.0)[0]
    assert (reading.plate, reading.characters) == ("", ())


def test_boxes_go_with_their_characters(tiny_format):
    maps = np.zeros((1, 4, 7, 20), np.float32)
    maps[0, 2, :, 10:15] = 1
    reading = to_readings(raw([[10, 5, 6, 10]], [[1] * 4], maps), tiny_format, [(200, 60)], 0.0)[0]
    assert reading.characters[0].box is None
    assert reading.characters[1].box == pytest.approx((100, 0, 150, 60), abs=1e-4)


def test_readings_hold_plain_values(tiny_format):
    output = raw([[1, 2, 3, 4]], [[0.5] * 4], np.ones((1, 4, 7, 20), np.float32))
    reading = to_readings(output, tiny_format, [(160, 50)], 0.0)[0]
    before = repr(reading)
    for array in output[:3]:
        array[:] = 0
    assert repr(reading) == before
    assert type(reading.characters[0].confidence) is float
    assert [type(edge) for edge in reading.characters[0].box] == [float] * 4


@pytest.mark.parametrize(
    ("classes", "probabilities", "words"),
    [
        ([[1, 2, 3]], [[1, 1, 1]], "expected \\(1, 4\\)"),
        ([[1, 2, 3, 4]] * 2, [[1] * 4] * 2, "expected \\(1, 4\\)"),
        ([[1, 2, 3, 11]], [[1] * 4], "outside the 11"),
        ([[1, 2, 3, -1]], [[1] * 4], "outside the 11"),
        ([[1, 2, 3, 4]], [[1, 1, float("nan"), 1]], "NaN"),
    ],
)
def test_outputs_that_cannot_be_right(tiny_format, classes, probabilities, words):
    with pytest.raises(BackendError, match=words):
        to_readings(raw(classes, probabilities), tiny_format, [(160, 50)], 0.0)


def test_logits_that_are_not_finite_are_reported(tiny_format):
    logits = np.zeros((1, 4, 11), np.float32)
    for value in (np.nan, np.inf):
        logits[0, 2, 5] = value
        with pytest.raises(BackendError, match="NaN"):
            to_readings(raw_output(("logits",), (logits,)), tiny_format, [(160, 50)], 0.0)

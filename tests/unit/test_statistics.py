"""Wilson's interval, against published values and its own properties."""

from __future__ import annotations

import pytest

from edgelpr.training.statistics import wilson_interval


@pytest.mark.parametrize(
    ("successes", "total", "lower", "upper"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_values(successes, total, lower, upper):
    assert wilson_interval(successes, total) == pytest.approx((lower, upper), abs=5e-5)


def test_ends_are_exact_and_the_share_lies_inside():
    assert wilson_interval(0, 7)[0] == 0.0
    assert wilson_interval(7, 7)[1] == 1.0
    for successes in range(1, 195):
        lower, upper = wilson_interval(successes, 195)
        assert 0 < lower < successes / 195 < upper < 1


def test_more_confidence_is_wider():
    wide, narrow = wilson_interval(90, 100, 0.99), wilson_interval(90, 100, 0.9)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(("successes", "total", "confidence"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0)])
def test_nonsense_is_refused(successes, total, confidence):
    with pytest.raises(ValueError, match="expected 0 <= successes"):
        wilson_interval(successes, total, confidence)

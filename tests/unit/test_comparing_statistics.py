"""Tests of two readers, paired and unpaired, against published values and their own properties."""

from __future__ import annotations

import pytest

from edgelpr.training.paired import PairedCounts, mcnemar, tango_interval
from edgelpr.training.unpaired import fisher_exact, newcombe_interval

# Fagerland, Lydersen, Laake: Statistical Analysis of Contingency Tables (2017), chapter 8, and BMC Med. Res. Method. 13:91.
CONSOLIDATION = PairedCounts(59, 6, 16, 80)  # Cavo et al. 2012
AIRWAYS = PairedCounts(1, 1, 7, 12)  # Bentur et al. 2009
TUBERCLE = PairedCounts(20, 12, 2, 16)  # Armitage and Berry 1994, p. 127


@pytest.mark.parametrize(
    ("counts", "exact", "mid"),
    [(CONSOLIDATION, 0.052479, 0.034690), (AIRWAYS, 0.0703, 0.0391), (TUBERCLE, 0.0129, None)],
)
def test_published_mcnemar(counts, exact, mid):
    digits = 5e-7 if counts is CONSOLIDATION else 5e-5
    assert mcnemar(counts).exact == pytest.approx(exact, abs=digits)
    assert mid is None or mcnemar(counts).mid == pytest.approx(mid, abs=digits)


def test_published_tango():
    assert tango_interval(CONSOLIDATION) == pytest.approx((0.0054, 0.1240), abs=5e-5)
    assert CONSOLIDATION.difference == pytest.approx(0.0621, abs=5e-5)


def test_equal_readers_differ_by_chance_alone():
    same = PairedCounts(90, 0, 0, 10)
    assert (mcnemar(same).exact, mcnemar(same).mid) == (1.0, 1.0)
    low, high = tango_interval(same)
    assert low == pytest.approx(-high) and 0.03 < high < 0.04  # z squared over n plus z squared
    even = mcnemar(PairedCounts(5, 3, 3, 5))
    assert even.exact == 1.0 and even.mid == pytest.approx(1 - 20 / 64 / 2)


def test_exchanging_the_readers_turns_the_sign():
    for counts in (CONSOLIDATION, AIRWAYS, PairedCounts(0, 0, 5, 0), PairedCounts(3, 0, 1, 0)):
        turned = PairedCounts(counts.both, counts.only_second, counts.only_first, counts.neither)
        low, high = tango_interval(counts)
        assert tango_interval(turned) == pytest.approx((-high, -low), abs=1e-9)
        assert mcnemar(turned) == mcnemar(counts)
        assert -1 <= low <= counts.difference <= high <= 1


def test_more_confidence_is_wider():
    wide, narrow = tango_interval(CONSOLIDATION, 0.99), tango_interval(CONSOLIDATION, 0.9)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_many_discordant_plates_stay_finite():
    assert 0 < mcnemar(PairedCounts(0, 2600, 2400, 0)).exact < 0.01


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((2, 7), (6, 7), 0.0582, 0.8062),
        ((0, 29), (5, 56), -0.0381, 0.1926),
        ((0, 20), (0, 10), -0.1611, 0.2775),
        ((0, 10), (10, 10), 0.6075, 1.0),
    ],
)
def test_published_newcombe(first, second, low, high):
    assert newcombe_interval(first, second) == pytest.approx((low, high), abs=5e-5)


def test_published_fisher():
    assert fisher_exact((3, 4), (1, 4)) == pytest.approx(0.4857, abs=5e-5)  # Fisher's tea
    assert fisher_exact((1, 10), (11, 14)) == pytest.approx(0.002759, abs=5e-7)
    assert fisher_exact((4, 4), (4, 4)) == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: PairedCounts(0, 0, 0, 0),
        lambda: PairedCounts(-1, 2, 0, 0),
        lambda: tango_interval(AIRWAYS, 1.0),
        lambda: fisher_exact((3, 2), (1, 2)),
        lambda: newcombe_interval((3, 2), (1, 2)),
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()

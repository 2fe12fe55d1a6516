"""Fusing readings of single frames, and the figures that compare readers: expectations worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="comparing networks needs the extra 'export'")
from edgelpr.benchmarks.fusion.claims import claims
from edgelpr.benchmarks.fusion.correlating import Ranks, correlate, weighted_correlation
from edgelpr.benchmarks.fusion.doubting import TITLES, doubt_figures
from edgelpr.benchmarks.fusion.outcomes import Judge, right
from edgelpr.benchmarks.fusion.resampling import Resampler, paired_p
from edgelpr.benchmarks.fusion.rules import RULES, Readings
from edgelpr.benchmarks.fusion.telling import auroc, tell_apart

RULE = {rule.name: rule for rule in RULES}

# Three frames, two positions, three classes. They read 00 (0.36 sure), 11 (0.81) and 02 (0.40): no two alike.
APART = [
    [[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]],
    [[0.05, 0.9, 0.05], [0.05, 0.9, 0.05]],
    [[0.5, 0.4, 0.1], [0.0, 0.2, 0.8]],
]
# The first and the last read 00, each 0.36 sure; the middle one 11, 0.81 sure.
TWICE = [APART[0], APART[1], APART[0]]
LABEL, SCORE = [[0.1, 0.2, 0.9], [0.3, 0.2, 0.1]], [[0.9, 0.1, 0.1], [0.1, 0.2, 0.3]]


@pytest.fixture
def readings() -> Readings:
    probabilities, label, score = (np.array(values, dtype=np.float32) for values in ([APART, TWICE], LABEL, SCORE))
    return Readings(probabilities, label, score)


@pytest.mark.parametrize(
    ("name", "apart", "twice"),
    [
        ("first", "00", "00"),
        ("majority", "11", "00"),  # one vote each: the surest; two votes beat one that is surer than both
        ("majority-by-character", "01", "00"),  # 0 twice, then one vote each: the most probable
        ("confidence-vote", "11", "11"),  # 0.81 beats 0.36 + 0.36
        ("confidence-vote-by-character", "01", "00"),  # 0.6 + 0.5 beats 0.9; 0.9 beats 0.8
        ("most-confident", "11", "11"),
        ("best-by-score", "00", "00"),
        ("best-by-label", "02", "00"),
        ("mean", "11", "11"),  # 0.3 + 0.9 + 0.4 beats 0.6 + 0.05 + 0.5; twice 0.6 and 0.05 lose to twice 0.3 and 0.9
        ("mean-log", "11", "11"),
    ],
)
def test_each_rule_fuses_as_worked_out_by_hand(readings, name, apart, twice) -> None:
    fused = RULE[name].fuse(readings)
    assert fused.shape == (2, 1, 2)
    assert ["".join(map(str, plate)) for plate in fused[:, 0]] == [apart, twice]


def test_any_one_frame_gives_every_reading(readings) -> None:
    assert RULE["any"].fuse(readings).tolist() == [[[0, 0], [1, 1], [0, 2]], [[0, 0], [1, 1], [0, 0]]]
    assert set(RULE) == {rule.name for rule in RULES} and [rule.name for rule in RULES if rule.needs == "label"] == [
        "best-by-label"
    ]


def test_the_mean_of_logarithms_lets_one_frame_forbid_where_the_mean_lets_one_frame_decide() -> None:
    two = np.array([[[[0.9, 0.06, 0.04]], [[0.01, 0.5, 0.49]]]], dtype=np.float32)
    readings = Readings(two, np.ones((1, 2), dtype=np.float32))
    assert RULE["mean"].fuse(readings).item() == 0 and RULE["mean-log"].fuse(readings).item() == 1
    with pytest.raises(ValueError, match="quality branch"):
        RULE["best-by-score"].fuse(readings)


def test_plates_are_right_as_a_whole_and_without_their_first_character() -> None:
    true = np.array([[1, 2, 3], [1, 2, 3]])
    found = right(np.array([[1, 2, 3], [0, 2, 3]]), true)
    assert found.whole.tolist() == [1, 0] and found.without_first.tolist() == [1, 1]
    shares = right(np.array([[[1, 2, 3], [1, 2, 0]], [[0, 2, 3], [1, 0, 3]]]), true)
    assert shares.whole.tolist() == [0.5, 0] and shares.without_first.tolist() == [0.5, 0.5]


def test_pairs_are_tested_by_mcnemar_and_over_clusters_where_tracks_share_a_crop() -> None:
    # Eight only the second, one only the first: 2 (C(9, 0) + C(9, 1)) / 2^9.
    first, second = np.array([0.0] * 8 + [1.0] + [1.0] * 5), np.array([1.0] * 8 + [0.0] + [1.0] * 5)
    assert paired_p(first, second, np.arange(14)) == pytest.approx(20 / 512)
    # Five crops of two tracks each, mean differences 1, 1, 1, 1, -1: z = 3 / root 5.
    one, other = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1.0]), np.array([1, 1, 1, 1, 1, 1, 1, 1, 0, 0.0])
    assert paired_p(one, other, np.repeat(np.arange(5), 2)) == pytest.approx(0.1797, abs=1e-4)
    assert paired_p(one, one, np.repeat(np.arange(5), 2)) == 1
    assert paired_p(np.array([0.5]), np.array([1.0]), np.arange(1)) is None


def test_intervals_are_wilsons_for_single_tracks_and_wider_where_tracks_share_a_crop() -> None:
    true, read = np.zeros((40, 2), dtype=int), np.zeros((40, 2), dtype=int)
    read[:20, 1] = 1  # half are wrong
    found = right(read, true)
    alone = Judge(np.arange(40)).shares(found)
    assert alone["accuracy"] == 0.5 and alone["interval"] == pytest.approx([0.3520, 0.6480], abs=1e-4)
    low, high = Judge(np.repeat(np.arange(4), 10)).shares(found)["interval"]
    assert low < 0.2 and high > 0.8
    against = Judge(np.arange(40)).against(right(true, true), found)
    assert against["difference"] == 0.5 and 0.3 < against["interval"][0] < 0.5 < against["interval"][1] < 0.7
    assert against["p_value"] == pytest.approx(2 / 2**20)


def test_whole_clusters_are_drawn_again() -> None:
    resampler = Resampler(np.array([7, 7, 3]), resamples=50)
    for row in range(50):
        first, same, other = resampler.weights(row)
        assert first == same and first + other == 2
    assert resampler.interval(np.ones(3)) == (1.0, 1.0)


def test_the_area_counts_pairs_and_ties_as_half() -> None:
    good, bad = np.array([3.0, 2.0]), np.array([1.0, 2.0])
    assert auroc(good, bad) == 3.5 / 4 and auroc(bad, good) == 0.5 / 4 and auroc(good, good) == 0.5
    found = tell_apart(np.arange(50.0), np.arange(50.0) - 10, np.arange(50))
    # 50 x 50 pairs; the bad one wins or ties where it is ahead of a good one that is 10 or more below it: 40 x 39 / 2, 40 ties.
    assert found["auroc"] == pytest.approx(1 - (780 + 20) / 2500) and found["interval"][0] < found["auroc"]
    assert found["interval"][1] < 1


def test_the_interval_of_the_area_is_over_crops_where_tracks_share_one() -> None:
    good = np.arange(8.0)
    alone = tell_apart(good, good - 2, np.arange(8))
    often = tell_apart(np.repeat(good, 5), np.repeat(good, 5) - 2, np.repeat(np.arange(8), 5))
    assert often == alone  # the same track five times tells nothing new
    unaware = tell_apart(np.repeat(good, 5), np.repeat(good, 5) - 2, np.arange(40))["interval"]
    assert unaware[1] - unaware[0] < 0.7 * (alone["interval"][1] - alone["interval"][0])


def test_correlations_are_those_of_the_textbook() -> None:
    one, other = np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])
    assert weighted_correlation(one, other, np.ones(4)) == pytest.approx(0.8)
    # A pair that counts three times is three pairs; equal values share the middle of their ranks.
    weights = np.array([1.0, 3, 1, 1])
    assert weighted_correlation(one, other, weights) == pytest.approx(
        np.corrcoef(np.repeat(one, [1, 3, 1, 1]), np.repeat(other, [1, 3, 1, 1]))[0, 1]
    )
    assert Ranks(np.array([5.0, 9, 5, 1])).weighted(np.ones(4)).tolist() == [2, 3.5, 2, 0.5]
    assert Ranks(np.array([5.0, 9])).weighted(np.array([3.0, 1])).tolist() == [1.5, 3.5]


def test_rank_correlation_sees_order_alone_and_every_frame_lies_in_a_cell() -> None:
    labels = np.linspace(0.05, 0.95, 60).reshape(12, 5)
    found = correlate(labels**3, labels, np.arange(12))
    assert found["srocc"] == pytest.approx(1) and 0.85 < found["lcc"] < 0.95
    assert found["lcc_interval"][0] < found["lcc"] < found["lcc_interval"][1] and found["srocc_interval"] == pytest.approx(
        [1, 1]
    )
    cells = np.array(found["cells_by_label_and_score"])
    assert cells.shape == (25, 25) and cells.sum() == found["frames"] == 60
    assert cells[23, 21] and not cells[21, 23]  # 0.95 cubed is 0.857: the label is across, the score up


def test_figures_of_doubt_by_hand() -> None:
    together = np.array([[[0.9, 0.1], [0.2, 0.8]]], dtype=np.float32)  # reads 01
    alone = np.array([[[[0.6, 0.4], [0.3, 0.7]], [[0.1, 0.9], [0.75, 0.25]]]], dtype=np.float32)  # 01, 10
    found = doubt_figures(together, alone, np.array([[0.5, 0.9]], dtype=np.float32))
    expected = {"product": 0.72, "least": 0.8, "two-least": 0.85, "mean": 0.85, "quality": 0.7, "agreement": -1.65}
    expected |= {"contradiction": -0.9, "likelihood": np.log(0.1 / 0.9) + np.log(0.25 / 0.75)}
    assert {name: found[name].item() for name in expected} == pytest.approx(expected, rel=1e-4)
    assert set(found) == set(TITLES) - {"confidence", "same-plate"} and "quality" not in doubt_figures(together, alone, None)


def test_targets_are_met_or_not_by_the_difference() -> None:
    def rule(name: str, accuracy: float) -> dict:
        lead = {"difference": 0.9 - accuracy, "interval": [0.0, 0.1], "p_value": None}
        return {"rule": name, "accuracy": accuracy, "against": lead}

    def single(*rules: dict, own: bool = False) -> dict:
        return {"name": "one", "own": own, "rules": [rule("any", 0.45), *rules]}

    rendered = {
        "network": {},
        "singles": [single(rule("mean", 0.87), rule("best-by-label", 0.95)), single(rule("mean", 0.89), own=True)],
        "ablation": [{"name": "baseline", "quality": None, "against": {"difference": 0.009, "interval": [0, 0.02]}}],
        "quality": {"lcc": 0.95, "srocc": 0.89},
    }
    frames = {"first": [{"accuracy": share} for share in (0.5, 0.7, 0.7)]}
    found = claims({"rendered": rendered, "frames": frames})
    assert [claim["met"] for claim in found] == [True, True, False, False, False]
    assert found[1]["found"] == "+3.00 points (+0.00 to +10.00) to: mean of the probabilities"
    assert claims({}) == []
    assert found[2]["found"].endswith(" to baseline")
    baseline = rendered["ablation"][0] | {"against": {"difference": 0.02, "interval": [0.01, 0.03]}}
    for trained, words, met in (
        ({"steps": 10800, "planned": 10800}, " to baseline", True),
        ({"steps": 5000, "planned": 10800}, " to baseline, trained for 5,000 of 10,800 steps only", False),
    ):
        (claim,) = claims({"rendered": rendered | {"ablation": [baseline | {"trained": trained}]}})[2:3]
        assert claim["found"].endswith(words) and claim["met"] is met
    unmeasured = claims({"rendered": rendered | {"ablation": []}})[2]
    assert not unmeasured["met"] and unmeasured["found"].startswith("not measured")


def test_targets_are_held_against_real_tracks_as_well() -> None:
    lead = {"difference": 0.01, "interval": [0.0, 0.02], "p_value": 0.1}
    rules = [{"rule": "mean", "accuracy": 0.9, "against": lead}]
    areas = {"confidence": {"auroc": 0.96}, "same-plate": {"auroc": 0.97}}
    row = {"frames_of_other": 1, "figures": areas}
    weak = {"frames_of_other": 2, "figures": areas | {"confidence": {"auroc": 0.9}}, "data": "ccpd"}
    parts = {
        "real": {"sets": [{"set": {"data": "ccpd"}, "singles": [{"name": "one", "own": False, "rules": rules}]}]},
        "mixed": {"rows": [row | {"hardness": 0.7, "other_plate": "different"}], "real": [row | {"data": "ccpd"}, weak]},
    }
    found = {claim["target"]: claim["met"] for claim in claims(parts)}
    assert found == {
        "2 points above the best simple fusion of one, tracks from crops of ccpd": False,
        "AUROC of the confidence at least 0.95: different plates, hardness 0.7": True,
        "AUROC of the least likeness of two frames at least 0.95: different plates, hardness 0.7": True,
        "AUROC of the confidence at least 0.95: tracks from crops of ccpd": False,
        "AUROC of the least likeness of two frames at least 0.95: tracks from crops of ccpd": True,
    }

"""The papers' experiments: nothing that tests also trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgelpr.data.folds import paper_folds
from edgelpr.data.labels import LabelledCrop
from edgelpr.errors import DataError


def crops(split: str | None, count: int, start: int = 0) -> list[LabelledCrop]:
    return [LabelledCrop(Path(f"{split}/{number}.png"), f"A{number}", split) for number in range(start, start + count)]


def test_aolp_leaves_one_subset_out():
    labelled = crops("AC", 3) + crops("le", 2) + crops("data/RP", 4)
    folds = paper_folds("aolp", labelled)
    assert [(fold.name, len(fold.train), len(fold.test)) for fold in folds] == [("AC", 6, 3), ("LE", 7, 2), ("RP", 5, 4)]
    assert all(sorted(map(str, fold.train + fold.test)) == sorted(map(str, labelled)) for fold in folds)
    with pytest.raises(DataError, match="AOLP: no plate of LE and RP; expected folders AC, LE and RP"):
        paper_folds("aolp", crops("AC", 3))


def test_medialab_divides_the_normal_subset_in_four():
    normal, difficult = crops("normal", 427), crops("difficult", 279)
    folds = paper_folds("medialab", normal + difficult, seed=3)
    assert [len(fold.test) for fold in folds] == [107, 107, 107, 106]
    assert {crop for fold in folds for crop in fold.test} == set(normal)
    for fold in folds:
        assert set(fold.train) == set(normal + difficult) - set(fold.test)
        assert len(fold.train) == 706 - len(fold.test)


def test_medialab_parts_come_from_the_seed_alone():
    normal, difficult = crops("normal", 40), crops("difficult", 3)
    folds = paper_folds("medialab", normal + difficult, seed=1)
    assert [fold.test for fold in paper_folds("medialab", difficult + normal[::-1], seed=1)] == [fold.test for fold in folds]
    assert [fold.test for fold in paper_folds("medialab", normal + difficult, seed=2)] != [fold.test for fold in folds]
    with pytest.raises(DataError, match="3 plates in the normal subset; expected at least one for each of four parts"):
        paper_folds("medialab", normal[:3] + difficult)


def test_ccpd_base_by_its_official_split():
    train, val, tilt = crops("train/ccpd_base", 3), crops("val/ccpd_base", 2), crops("test/ccpd_tilt", 2)
    (fold,) = paper_folds("ccpd", train + tilt + val + crops("ccpd_base", 1))
    assert (fold.name, fold.train, fold.test) == ("ccpd-base", tuple(train), tuple(val))
    (alone,) = paper_folds("ccpd", crops("train", 2) + crops("val", 1))  # ccpd_base itself was read
    assert (len(alone.train), len(alone.test)) == (2, 1)
    with pytest.raises(DataError, match=r"CCPD-base: no plate of train and val; .*splits/train\.txt"):
        paper_folds("ccpd", crops("ccpd_base", 3))


def test_clpd_tests_whole():
    labelled = crops("test", 5)
    (fold,) = paper_folds("clpd", labelled)
    assert (fold.train, fold.test) == ((), tuple(labelled))
    with pytest.raises(DataError, match="CLPD: no plate"):
        paper_folds("clpd", [])

"""Figures that samples support, and what is said beside them."""

from __future__ import annotations

import pytest
from sample_bench import FakeClock

from edgelpr.benchmarks.bench.audit import audit_cache
from edgelpr.benchmarks.bench.figures import figures_of, warnings_of
from edgelpr.benchmarks.bench.run import CacheAudit


@pytest.fixture
def clock():
    return FakeClock()


def test_percentiles_only_with_enough_samples():
    few, some, many = (figures_of(range(1, count + 1), count) for count in (63, 64, 662))
    assert few.p90_ms is None and some.p90_ms is not None and some.p99_ms is None and many.p99_ms is not None


def test_the_audit_finds_flattered_repetition(clock):
    last = [None]

    def call(item):
        clock.advance(80 if item == last[0] else 100)
        last[0] = item

    audit = audit_cache(call, list(range(8)), clock)
    assert audit.gain == pytest.approx(0.2)
    assert any("20% faster" in line for line in warnings_of(figures_of([100] * 64, 64), audit, None))


def test_crops_of_different_sizes_are_no_gain(clock):
    audit = audit_cache(lambda item: clock.advance(100 * (item + 1)), list(range(8)), clock)
    assert audit == CacheAudit(0.00045, 0.00045, 0.0)


def test_what_trtexec_warns_of():
    steady = figures_of([100] * 64, 64)
    assert warnings_of(steady, None, {"enqueue": 0.5, "compute": 1.0, "copy_in": 0.2}) == ()
    found = warnings_of(steady, None, {"enqueue": 0.9, "compute": 1.0, "copy_in": 1.0, "copy_out": 0.1})
    assert len(found) == 2 and "enqueueing" in found[0] and "copy_in" in found[1]
    assert "vary" in warnings_of(figures_of([100, 200], 2), None, None)[0]

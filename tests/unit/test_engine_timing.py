"""The timing cache on the disk: it saves time, and never costs a build."""

from __future__ import annotations

import pytest

from edgelpr.engines.target import Target
from edgelpr.engines.timing import read_timing_cache, timing_cache_path, write_timing_cache


def test_a_timing_cache_is_kept_for_each_gpu_and_version(tmp_path):
    path = timing_cache_path(
        tmp_path / "engines", Target("tensorrt", "10.3.0", "NVIDIA GeForce RTX 3060 / Ti", ("sm86",), None, 38)
    )
    assert path.name == "NVIDIA-GeForce-RTX-3060-Ti-sm86-38sm-10.3.0.timing"
    assert read_timing_cache(path) == (None, None)
    assert write_timing_cache(path, b"times") is None
    assert read_timing_cache(path) == (b"times", None)


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: content[:-1] + b"!"])
def test_a_damaged_timing_cache_is_ignored_with_a_note(tmp_path, damage):
    path = tmp_path / "a.timing"
    write_timing_cache(path, b"times")
    path.write_bytes(damage(path.read_bytes()))
    cache, note = read_timing_cache(path)
    assert cache is None and note is not None and "damaged" in note


def test_a_timing_cache_that_cannot_be_written_or_read_is_a_note(tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in str(write_timing_cache(tmp_path / "file" / "a.timing", b"times"))
    assert "cannot be read" in str(read_timing_cache(tmp_path)[1])

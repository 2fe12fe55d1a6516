"""Options of a build, sizes in words, and how much memory is free."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doubles.cuda import FakeCuda

from edgelpr.engines.memory import free_memory
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.workspace import parse_size, size_in_words
from edgelpr.errors import BundleError, MissingDependencyError, UsageError

GIB = 1 << 30


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batches": (2, 1, 4)}, "expected smallest, usual, largest, from 1 to 256"),
        ({"batches": (0, 1, 4)}, "batches 0, 1, 4"),
        ({"batches": (1, 1, 257)}, "from 1 to 256"),
        ({"workspace_bytes": 512}, "workspace of 512 bytes: expected 1MiB to 1024GiB"),
        ({"workspace_bytes": (1 << 40) + 1}, "workspace of more than 1 TiB: expected 1MiB to 1024GiB"),
        ({"level": 6}, "expected 0 .* to 5"),
        ({"dla_core": -1}, "expected 0 or more"),
        ({"targets": ("8.6",)}, "expected a compute capability such as sm86"),
        ({"targets": ("sm86", "sm86")}, "named twice"),
    ],
)
def test_options_out_of_range_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        BuildOptions(**values)


def test_options_survive_json():
    options = BuildOptions((1, 8, 32), GIB, 4, 0, True, "ampere-plus", ("sm86", "sm89"))
    assert BuildOptions.from_dict(options.to_dict()) == options
    assert BuildOptions.from_dict(BuildOptions().to_dict()) == BuildOptions()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": [1, 2]}, "found 2 numbers; expected 3"),
        ({"level": "5"}, "record: level: found '5'; expected a whole number"),
        ({"hardware_compatibility": "all"}, "expected one of none, ampere-plus"),
        ({"level": 9}, "record: builder level 9"),
        ({"extra": 1}, "unknown key extra"),
    ],
)
def test_options_that_json_spoilt_are_refused(change, message):
    with pytest.raises(BundleError, match=message):
        BuildOptions.from_dict(BuildOptions().to_dict() | change, "record")


def test_free_memory_of_a_gpu_is_asked_of_it_and_of_a_board_of_the_system(tmp_path):
    facts = FakeCuda().facts
    device = FakeCuda()
    assert free_memory(facts, lambda index: device) == facts.total_bytes
    assert device.closed
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 3000000 kB\n")
    assert free_memory(replace(facts, integrated=True), root=tmp_path) == 3000000 << 10


def test_free_memory_is_not_known_without_a_package_for_cuda():
    def absent(index: int) -> FakeCuda:
        raise MissingDependencyError("no package")

    assert free_memory(FakeCuda().facts, absent) is None


@pytest.mark.parametrize(
    ("text", "size"), [("1GiB", GIB), ("512MiB", 512 << 20), ("1.5G", 3 * GIB // 2), ("2048", 2048), ("4 KiB", 4096)]
)
def test_sizes_are_understood(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "lots", "1XB", "-1GiB", "1e3", "9" * 5000, f"1.{'0' * 5000}GiB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UsageError, match=r"expected a number with a unit, for example 512MiB"):
        parse_size(text)


def test_sizes_in_words():
    assert [size_in_words(size) for size in (GIB, 3 * GIB // 2, 64 << 20)] == ["1 GiB", "1.5 GiB", "64 MiB"]

"""Recipes of boards: all that ship load, and a mistake in one is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_stored import ORIN

from edgelpr.engines.recipes import PowerMode, load_recipe, recipe_names
from edgelpr.engines.trtexec import parse_version
from edgelpr.errors import UsageError

yaml = pytest.importorskip("yaml", reason="recipes are YAML")
BOARDS = ("agx-orin", "desktop", "orin-nano", "orin-nx", "thor", "xavier-nx")


def test_the_boards():
    assert recipe_names() == BOARDS


@pytest.mark.parametrize("name", BOARDS)
def test_every_recipe_loads_and_is_called_as_its_file(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert (recipe.power_mode is None) is (name == "desktop")
    assert recipe.script_only is (name == "xavier-nx")


def test_values_arrive():
    recipe = load_recipe("orin-nano")
    assert (recipe.precision, recipe.compute_capability, recipe.tensorrt) == ("int8", "sm87", "10.3")
    assert (recipe.options.batches, recipe.options.workspace_bytes, recipe.options.level) == ((1, 1, 8), 256 << 20, 5)
    assert recipe.power_mode == PowerMode("MAXN_SUPER", 2)
    assert parse_version(load_recipe("xavier-nx").tensorrt) == (8, 5)


@pytest.fixture
def own(tmp_path):
    """Writes a recipe of a user's, changed from that of the desktop."""

    def write(**changes):
        recipe = load_recipe("desktop")
        values = {"name": "own", "board": "b", "backend": recipe.backend, "tensorrt": "10.16", "compute_capability": None}
        values |= {"precision": "fp16", "batches": [1, 2, 4], "workspace": None, "level": None, "dla_core": None}
        values |= {"power_mode": None, "script_only": False, "notes": []} | changes
        path = tmp_path / "own.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write


def test_a_recipe_of_ones_own(own):
    assert load_recipe(own(dla_core=1)).options.dla_core == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"worksapce": "1GiB"}, "unknown key worksapce"),
        ({"precision": "fp8"}, "one of fp32"),
        ({"tensorrt": 10.3}, "expected a text"),
        ({"batches": [4, 2, 1]}, "smallest, usual, largest"),
        ({"batches": 8}, "a list"),
        ({"workspace": "much"}, "size 'much'"),
        ({"workspace": "20000000000GiB"}, "workspace of more than 1 TiB"),
        ({"level": "high"}, "whole number"),
        ({"power_mode": {"name": "MAXN"}}, "missing key id"),
        ({"notes": "one"}, "a list"),
        ({"notes": ["\x1b[2J"]}, "without control characters"),
    ],
)
def test_a_mistake_is_named(own, change, words):
    with pytest.raises(UsageError, match=words):
        load_recipe(own(**change))


@pytest.mark.parametrize("content", [b"", b"- a", b"a: [", b"\xff\xfe\x00", b"!!python/object:os.system {}"])
def test_what_is_no_recipe(tmp_path, content):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(UsageError):
        load_recipe(tmp_path / "x.yaml")


def test_a_recipe_for_another_board_or_tensorrt_is_remarked():
    recipe = load_recipe("orin-nano")
    assert recipe.remarks(ORIN) == ()
    assert recipe.remarks(replace(ORIN, tensorrt_version="10.13.0")) == ()
    (capability,) = recipe.remarks(replace(ORIN, compute_capabilities=("sm110",)))
    assert capability == "The recipe orin-nano is for GPUs of sm87 (Jetson Orin Nano), not of sm110"
    (version,) = recipe.remarks(replace(ORIN, tensorrt_version="8.6.2"))
    assert version == "The recipe orin-nano was written for TensorRT 10.3, here is TensorRT 8.6.2"
    card = replace(ORIN, backend="tensorrt-rtx", tensorrt_version="1.7.1.116", compute_capabilities=("sm86", "sm89"))
    assert load_recipe("desktop").remarks(card) == ()


@pytest.mark.parametrize(
    ("name", "board", "remarked"),
    [
        ("orin-nano", "Jetson Orin Nano Engineering Reference Developer Kit Super", False),
        ("orin-nano", "Jetson Orin NX Engineering Reference Developer Kit", True),
        ("agx-orin", "Jetson Orin Nano Developer Kit", True),
        ("agx-orin", "Jetson AGX Orin Developer Kit", False),
        ("orin-nx", "a carrier of somebody else's", False),
        ("orin-nx", None, False),
        ("desktop", "Jetson Orin Nano Developer Kit", False),
    ],
)
def test_a_recipe_for_another_jetson_with_such_a_gpu_is_remarked(name, board, remarked):
    recipe = replace(load_recipe(name), tensorrt="10.3")
    found = recipe.remarks(replace(ORIN, board=board))
    assert len(found) == remarked
    assert not remarked or (recipe.board in found[0] and board in found[0])


def test_tensorrt_rtx_is_called_so(own):
    recipe = load_recipe(own(backend="tensorrt-rtx", tensorrt="1.7"))
    (version,) = recipe.remarks(replace(ORIN, backend="tensorrt-rtx", tensorrt_version="2.0.0"))
    assert version == "The recipe own was written for TensorRT-RTX 1.7, here is TensorRT-RTX 2.0.0"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError, match="orin-nano"):
        load_recipe("orin")

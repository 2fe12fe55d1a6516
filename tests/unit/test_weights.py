"""Finding weights by name."""

from __future__ import annotations

import pytest

from edgelpr.errors import CheckpointError, UsageError
from edgelpr.models import weights
from edgelpr.models.weights import find_weights, resolve_checkpoint


def put(root, name, card=False):
    folder = root / name
    folder.mkdir(parents=True)
    (folder / f"{name}.safetensors").touch()
    if card:
        (folder / "card.json").write_text("{}")


@pytest.fixture(autouse=True)
def installation(tmp_path, monkeypatch):
    """A clone with nothing in it, instead of the real one."""
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setattr(weights, "_PACKAGE", tmp_path / "clone" / "edgelpr")
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "setup.cfg").touch()
    return tmp_path / "clone"


def test_all_places_are_searched_and_named(tmp_path, installation):
    put(tmp_path / "mine", "a", card=True)
    put(installation / "edgelpr" / "weights", "b")
    put(installation / "weights", "c")
    found = find_weights(tmp_path / "mine")
    assert [(item.name, item.place) for item in found] == [("a", "folder"), ("b", "package"), ("c", "repository")]
    assert found[0].card == tmp_path / "mine" / "a" / "card.json"
    assert found[1].card is None


def test_the_first_place_wins(tmp_path, installation):
    put(tmp_path / "mine", "same")
    put(installation / "weights", "same")
    assert [item.place for item in find_weights(tmp_path / "mine")] == ["folder"]


def test_the_environment_names_a_folder(tmp_path, monkeypatch):
    put(tmp_path / "mine", "a")
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "mine"))
    assert [item.name for item in find_weights()] == ["a"]


def test_beside_an_installed_package_nothing_is_searched(installation):
    put(installation / "weights", "a")
    (installation / "setup.cfg").unlink()
    assert find_weights() == []


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        find_weights(tmp_path / "absent")


def test_a_path_or_a_name(tmp_path, installation, monkeypatch):
    put(installation / "weights", "a")
    path = installation / "weights" / "a" / "a.safetensors"
    assert resolve_checkpoint(path) == path
    assert resolve_checkpoint("a") == path
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    assert resolve_checkpoint("a").resolve() == tmp_path / "a"


def test_neither_path_nor_name(installation):
    put(installation / "weights", "a")
    with pytest.raises(CheckpointError, match=r"nano: no such file.*names: a"):
        resolve_checkpoint("nano")

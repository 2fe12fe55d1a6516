"""What lies in weights/: cards that match their weights, recipes that can be run, captures that are labelled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgelpr.data.labels import read_labels
from edgelpr.training.statistics import wilson_interval

WEIGHTS = Path(__file__).parents[2] / "weights"
SHIPPED = sorted(path.parent.name for path in WEIGHTS.glob("*/card.json"))


def test_something_is_shipped_and_all_together_stays_small() -> None:
    assert "hpa-nano-cn" in SHIPPED
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*/*.safetensors")) < 80e6


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_says_what_its_weights_are(name: str) -> None:
    pytest.importorskip("torch", reason="reading weights needs the extra 'export'")
    from edgelpr.models.checkpoint import load_checkpoint
    from edgelpr.models.iq_stan_checkpoint import is_iq_stan, load_iq_stan

    card = json.loads((WEIGHTS / name / "card.json").read_text(encoding="utf-8"))
    path = WEIGHTS / name / f"{name}.safetensors"
    network = load_iq_stan(path) if is_iq_stan(path) else load_checkpoint(path)
    assert (card["name"], card["architecture"], card["plate_format"]) == (name, network.config.name, network.plate_format.name)
    assert card["data"] and card["time"] and card["licence"] and (WEIGHTS / name / "README.md").is_file()
    for entry in card["accuracy"]:
        assert entry["plate_accuracy"] == pytest.approx(entry["correct"] / entry["plates"], abs=1e-4)
        expected = wilson_interval(entry["correct"], entry["plates"])
        assert entry["plate_accuracy_interval"] == pytest.approx(expected, abs=1e-4)
    recipes = [card["recipe"]] if isinstance(card["recipe"], str) else card["recipe"]
    assert all((WEIGHTS.parent / recipe).is_file() for recipe in recipes)


@pytest.mark.parametrize("recipe", sorted(WEIGHTS.glob("recipes/*.yaml")), ids=lambda path: path.stem)
def test_a_recipe_can_be_run(recipe: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    from edgelpr.models.hpa import ARCHITECTURES
    from edgelpr.training.recipes import config_for

    assert config_for(recipe, {}).architecture in {*ARCHITECTURES, "iq-stan"}


def test_the_captures_are_labelled() -> None:
    captures = read_labels(WEIGHTS / "captures")
    assert len(captures) == 24 and all(capture.load().size for capture in captures)

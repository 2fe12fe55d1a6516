"""`edgelpr models`: counts live from the networks, the paper's figures, weights with their cards."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from edgelpr.cli.main import run

pytest.importorskip("torch")

KEYS = {
    "name",
    "parameters",
    "parameters_with_imagenet_classifier",
    "multiply_adds",
    "input",
    "positions",
    "classes",
    "weights",
    "accuracy",
    "paper",
}

PUBLISHED = {
    # name: parameters as the paper counts, the same in its table 4 (millions), plates a second
    "hpa-resnet18": (18_228_306, 18.23, 191),
    "hpa-resnet34": (28_336_466, None, 158),
    "hpa-resnet50": (47_779_922, None, 106),
    "hpa-resnet101": (66_772_050, 66.77, 57),
    "hpa-resnet18:separate": (22_663_476, 22.66, None),
    "hpa-resnet101:separate": (71_207_220, 71.21, None),
}


def make_weights(folder: Path) -> Path:
    """Weights of a small format with their card, in ``folder/taxi-nano/``."""
    from edgelpr.models.checkpoint import save_checkpoint
    from edgelpr.models.hpa import create
    from edgelpr.plates.format import PlateFormat

    (folder / "taxi-nano").mkdir(parents=True)
    save_checkpoint(folder / "taxi-nano" / "taxi-nano.safetensors", create("hpa-nano", PlateFormat("taxi", "0123456789", 4)))
    card = {"accuracy": [{"data": "captures", "plates": 12, "plate_accuracy": 0.75}]}
    (folder / "taxi-nano" / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shared_weights(tmp_path_factory):
    return make_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def models(shared_weights):
    """What the command prints with --json, by name."""
    with redirect_stdout(io.StringIO()) as output:
        assert run(["models", "--json", "--weights", str(shared_weights)]) == 0
    return {entry["name"]: entry for entry in json.loads(output.getvalue())}


@pytest.fixture
def weights(tmp_path):
    """A folder of weights that a test may spoil."""
    return make_weights(tmp_path / "weights")


def test_every_entry_has_the_promised_keys(models):
    assert {name: set(entry) for name, entry in models.items()} == dict.fromkeys(models, KEYS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_equal_the_papers(models, name):
    parameters, millions, speed = PUBLISHED[name]
    entry = models[name]
    assert entry["parameters_with_imagenet_classifier"] == parameters
    assert parameters - entry["parameters"] in (513_000, 2_049_000)
    assert (entry["paper"]["parameters_millions"], entry["paper"]["frames_per_second"]) == (millions, speed)
    if millions is not None:
        assert round(parameters / 1e6, 2) == millions


def test_multiply_adds_and_input(models):
    giga = {name: round(models[name]["multiply_adds"] / 1e9, 3) for name in PUBLISHED if ":" not in name}
    assert giga == {"hpa-resnet18": 1.164, "hpa-resnet34": 1.521, "hpa-resnet50": 3.112, "hpa-resnet101": 3.869}
    nano = models["hpa-nano"]
    assert (nano["input"], nano["positions"], nano["classes"]) == ([50, 160], 6, 34)


def test_nano_is_not_the_papers(models):
    assert (models["hpa-nano"]["paper"], models["hpa-nano"]["parameters_with_imagenet_classifier"]) == (None, None)


def test_the_network_for_tracks_is_listed_with_its_weights(tmp_path, capsys):
    import onnx
    from sample_tracks import PLATES

    from edgelpr.export.counting import count_graph_multiply_adds
    from edgelpr.export.tracks.to_onnx import tracks_to_onnx
    from edgelpr.export.tracks.wrapping import TrackModule
    from edgelpr.models.counting import count_parameters
    from edgelpr.models.iq_stan import create_iq_stan
    from edgelpr.models.iq_stan_checkpoint import save_iq_stan
    from edgelpr.plates.loading import load_plate_format

    make_weights(tmp_path)
    path = tmp_path / "gates" / "gates.safetensors"
    path.parent.mkdir()
    save_iq_stan(path, create_iq_stan(PLATES, "branch"))
    assert run(["models", "--json", "--weights", str(tmp_path), "--plate-format", "cn"]) == 0
    entry = json.loads(capsys.readouterr().out)[-1]
    network = create_iq_stan(load_plate_format("cn")).eval()
    assert (entry["name"], entry["input"], entry["parameters"]) == ("iq-stan", [50, 150], count_parameters(network))
    assert {"name": "gates", "place": "folder", "path": str(path), "plate_format": "digits"} in entry["weights"]
    graph: onnx.ModelProto = tracks_to_onnx(TrackModule(network, maps=False), 17)
    twice = 210 * network.encoder.reduce.weight.numel()  # for both readings; simplifying would join them
    assert entry["multiply_adds"] == count_graph_multiply_adds(graph) - twice
    assert run(["models", "--weights", str(tmp_path)]) == 0
    assert "\ngates " in capsys.readouterr().out
    path.write_bytes(path.read_bytes().replace(b"branch", b"brunch"))
    assert run(["models", "--weights", str(tmp_path)]) == 1
    assert "not usable weights" in capsys.readouterr().err


def test_the_papers_accuracy(models):
    entries = models["hpa-resnet101"]["paper"]["accuracy"]
    accuracy = {(item["data"], item["boxes"]): item["plate_accuracy"] for item in entries}
    assert accuracy["aolp-le", "ground-truth"] == 1.0
    assert accuracy["aolp-le", "detected"] == 0.9914
    assert accuracy["clpd", "not-stated"] == 0.825


def test_weights_of_a_named_folder_with_their_card(models, shared_weights):
    entry = models["hpa-nano"]
    path = str(shared_weights / "taxi-nano" / "taxi-nano.safetensors")
    assert {"name": "taxi-nano", "place": "folder", "path": path, "plate_format": "taxi"} in entry["weights"]
    assert {"weights": "taxi-nano", "data": "captures", "plates": 12, "plate_accuracy": 0.75} in entry["accuracy"]


def test_text_for_another_plate_format(shared_weights, capsys):
    assert run(["models", "--weights", str(shared_weights), "--plate-format", "cn"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    rows = {line.split()[0]: line.split() for line in lines if line}
    assert lines[0].startswith("Networks for plate format 'cn': 73 classes, 8 positions, input 50x160")
    assert rows["hpa-resnet18"][3:5] + rows["hpa-resnet18"][-2:] == ["18.23", "M", "191", "99.27/98.97/99.84"]
    assert int(rows["hpa-nano"][1].replace(",", "")) <= 1_300_000
    assert float(rows["hpa-nano"][4]) <= 80
    assert "captures 75.0 %" in " ".join(rows["taxi-nano"])


@pytest.mark.parametrize("card", ["not json", "[]", '{"accuracy": [1]}'])
def test_a_broken_card_is_named(weights, capsys, card):
    path = weights / "taxi-nano" / "card.json"
    path.write_text(card, encoding="utf-8")
    assert run(["models", "--weights", str(weights)]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {path}: expected a JSON object")


def test_broken_weights_are_named(weights, capsys):
    path = weights / "taxi-nano" / "taxi-nano.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert run(["models", "--weights", str(weights)]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {path}: ")


def test_an_unknown_plate_format_is_explained(capsys):
    assert run(["models", "--plate-format", "moon"]) == 1
    assert "built-in formats aolp, cn, gr, latin" in capsys.readouterr().err

"""ImageNet weights: torchvision's names go into the context path, everything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from edgelpr.cli.main import run
from edgelpr.errors import CheckpointError
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import create
from edgelpr.models.imagenet import load_imagenet
from edgelpr.plates.format import PlateFormat
from edgelpr.training.config import TrainingConfig
from edgelpr.training.initialising import write_initial_checkpoint

DIGITS = PlateFormat("digits", "0123456789", 4)


def _torchvision(network: str = "hpa-resnet18") -> dict[str, Tensor]:
    """A state dict as torchvision writes it: the backbone's names and a classifier."""
    torch.manual_seed(7)
    state = create(network, DIGITS).context.backbone.state_dict()
    return {
        **{name: tensor.clone() for name, tensor in state.items()},
        "fc.weight": torch.zeros(1000, 512),
        "fc.bias": torch.zeros(1000),
    }


def test_the_names_are_torchvisions() -> None:
    names = _torchvision().keys()
    expected = {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias"}
    assert expected <= names
    assert len(names) == 122  # of torchvision's resnet18


@pytest.mark.parametrize("kind", ["pth", "parallel", "state_dict", "safetensors", "old"])
def test_the_context_path_gets_the_weights(tmp_path: Path, kind: str) -> None:
    state, path = _torchvision(), tmp_path / ("resnet.safetensors" if kind == "safetensors" else "resnet18.pth")
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "parallel":
        torch.save({f"module.{name}": tensor for name, tensor in state.items()}, path)
    elif kind == "old":
        torch.save({name: tensor for name, tensor in state.items() if "num_batches" not in name}, path)
    else:
        torch.save({"state_dict": state} if kind == "state_dict" else state, path)
    torch.manual_seed(1)
    network = create("hpa-resnet18", DIGITS)
    others = {n: t.clone() for n, t in network.state_dict().items() if not n.startswith("context.backbone.")}
    load_imagenet(network, path)
    loaded = network.context.backbone.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in loaded)
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in others.items())


def test_another_depth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.pth"
    torch.save(_torchvision(), path)
    with pytest.raises(CheckpointError, match=r"resnet18\.pth: not the ResNet of 'hpa-resnet34'.*missing: layer1\.2\.conv1"):
        load_imagenet(create("hpa-resnet34", DIGITS), path)
    with pytest.raises(CheckpointError, match="of another shape: conv1.weight"):
        load_imagenet(create("hpa-nano", DIGITS), path)


@pytest.mark.parametrize(
    ("content", "message"), [({"epoch": 3}, "'epoch' is a int"), ({}, "empty"), ({"state_dict": 1}, "'state_dict' is a int")]
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: dict, message: str) -> None:
    path = tmp_path / "resnet18.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message):
        load_imagenet(create("hpa-resnet18", DIGITS), path)


def test_a_run_can_start_from_it(tmp_path: Path) -> None:
    path, config = tmp_path / "resnet18.pth", TrainingConfig("hpa-resnet18", seed=3)
    torch.save(_torchvision(), path)
    first = write_initial_checkpoint(config, DIGITS, path, tmp_path / "a")
    again = write_initial_checkpoint(config, DIGITS, path, tmp_path / "b")
    assert first.read_bytes() == again.read_bytes()
    assert torch.equal(load_checkpoint(first).context.backbone.conv1.weight, _torchvision()["conv1.weight"])


def test_train_starts_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = tmp_path / "resnet18.pth", tmp_path / "run"
    torch.save(_torchvision(), path)
    arguments = ["train", "-o", str(output), "--architecture", "hpa-resnet18", "--plate-format", "aolp", "--workers", "0"]
    arguments += ["--steps", "1", "--batch", "2", "--warmup", "0", "--learning-rate", "1e-9", "--backbone-weights", str(path)]
    assert run(arguments) == 0
    trained = load_checkpoint(output / "checkpoint.safetensors").context.backbone.conv1.weight
    assert torch.allclose(trained, _torchvision()["conv1.weight"], atol=1e-6)
    assert run([*arguments, "--start-from", str(output / "checkpoint.safetensors")]) == 2
    assert "name one of them" in capsys.readouterr().err

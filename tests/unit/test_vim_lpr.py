"""Importing the HPA authors' checkpoints."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sample_networks import weight, with_weights

from edgelpr.errors import CheckpointError
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import create
from edgelpr.models.vim_lpr import import_vim_lpr, their_name
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format

BACKBONES = ("resnet18", "resnet34", "resnet50", "resnet101")
FULL = "context_path.features."


@pytest.fixture(scope="session")
def golden(golden_folder):
    """What the authors' network returned, and the names and shapes of its tensors."""
    names = (golden_folder / "vim_lpr_state_dict.json").read_text(encoding="utf-8")
    return np.load(golden_folder / "vim_lpr.npz"), json.loads(names)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_outputs_equal_the_authors(golden, backbone):
    outputs, names = golden
    network = import_vim_lpr({name: weight(name.replace(FULL, "context_path."), shape) for name, shape in names[backbone]})
    assert network.config.name == f"hpa-{backbone}"
    # In double precision: with these random weights the deepest network loses more than the tolerance to the
    # rounding of single precision, on some processors and not on others.
    x = torch.from_numpy(outputs["input_gray_u8"]).double()[:, None].expand(-1, 3, -1, -1) / 255
    with torch.no_grad():
        results = network.double()(x)._asdict()
    for name, result in results.items():
        wanted = outputs[f"{backbone}_{name}"]
        assert np.abs(result.numpy() - wanted).max() <= 1e-5 * np.abs(wanted).max(), name


@pytest.fixture(scope="module")
def network():
    return with_weights(create("hpa-resnet18", load_plate_format("aolp")))


@pytest.fixture
def state(network):
    """The network in the authors' names: the ResNet twice, the dead classifier included."""
    short = {their_name(name): tensor for name, tensor in network.state_dict().items()}
    resnet = {name: tensor for name, tensor in short.items() if name.startswith("context_path.")}
    full = {name.replace("context_path.", FULL): tensor for name, tensor in resnet.items()}
    return short | full | {f"{FULL}fc.weight": torch.zeros(1000, 512), f"{FULL}fc.bias": torch.zeros(1000)}


def assert_same(imported, network):
    for name, tensor in network.state_dict().items():
        assert torch.equal(imported.state_dict()[name], tensor), name


def test_import_is_complete(state, network):
    imported = import_vim_lpr(state)
    assert_same(imported, network)
    assert imported.plate_format.name == "aolp"
    assert not imported.training


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("new_format", [True, False])
def test_files_with_prefix_wrapper_and_extras(tmp_path, state, network, wrapper, new_format):
    prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
    content = prefixed if wrapper is None else {wrapper: prefixed, "epoch": 3, "optimizer": {"lr": 0.1}}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=new_format)
    assert_same(load_checkpoint(tmp_path / "a.pth"), network)


def test_one_name_of_the_resnet_is_enough(state, network):
    assert_same(import_vim_lpr({name: tensor for name, tensor in state.items() if not name.startswith(FULL)}), network)
    short = [name for name in state if name.startswith("context_path.") and not name.startswith(FULL)]
    assert_same(import_vim_lpr({name: tensor for name, tensor in state.items() if name not in short}), network)


def test_two_names_with_different_values(state):
    state[f"{FULL}conv1.weight"] = state[f"{FULL}conv1.weight"] + 1
    with pytest.raises(CheckpointError, match=r"features\.conv1\.weight.*differ"):
        import_vim_lpr(state)


def test_old_files_lack_counters(state, network):
    assert_same(import_vim_lpr({name: tensor for name, tensor in state.items() if "num_batches" not in name}), network)


def test_half_precision_becomes_single(state):
    imported = import_vim_lpr({name: tensor.half() for name, tensor in state.items()})
    assert {parameter.dtype for parameter in imported.parameters()} == {torch.float32}


def test_missing_and_surplus_are_listed(state):
    del state["conv_seg.bias"]
    state["temporal.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"1 missing: conv_seg\.bias; 1 surplus: temporal\.weight"):
        import_vim_lpr(state)


def test_another_network_gives_a_short_list(state):
    foreign = {f"backbone.stage{index}.weight": torch.zeros(1) for index in range(50)}
    with pytest.raises(CheckpointError, match=r"50 surplus: .* and 38 more"):
        import_vim_lpr(foreign)


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"epoch": 3, "loss": 0.1}])
def test_dictionaries_without_tensors(content):
    with pytest.raises(CheckpointError, match="expected a state dict"):
        import_vim_lpr(content)


@pytest.fixture(scope="module")
def other_alphabet():
    """A network for 20 classes and 7 positions, in the authors' names."""
    network = create("hpa-resnet18", PlateFormat("mine", "ABCDEFGHIJKLMNOPQRST", 7))
    return {their_name(name): tensor for name, tensor in network.state_dict().items()}


def test_another_alphabet_wants_a_plate_format(other_alphabet):
    with pytest.raises(CheckpointError, match=r"20 classes and 7 positions.*--plate-format"):
        import_vim_lpr(other_alphabet)


def test_void_counts_as_a_class(other_alphabet):
    plate_format = PlateFormat("short", "ABCDEFGHIJKLMNOPQRS", 7, void=True)
    assert import_vim_lpr(other_alphabet, plate_format).plate_format is plate_format


def test_a_format_that_does_not_fit_is_explained(other_alphabet):
    with pytest.raises(CheckpointError, match="20 classes and 7 positions, but plate format 'aolp' has 34 classes and 6"):
        import_vim_lpr(other_alphabet, load_plate_format("aolp"))

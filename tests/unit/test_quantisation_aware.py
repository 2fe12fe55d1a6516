"""Training that feels what INT8 rounds."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from sample_networks import DIGITS, small_network
from tiny_training import QUIET, TINY, assert_same_weights, tiny_config

from edgelpr.data.rendering.samples import Renderer
from edgelpr.models import hpa
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.training.loop import train
from edgelpr.training.native import NativeForward
from edgelpr.training.quantising import FakeQuantisation, round_activation, round_result, round_weight


@pytest.fixture(autouse=True)
def small_architecture(monkeypatch):
    monkeypatch.setitem(hpa.ARCHITECTURES, TINY.name, TINY)


def test_activations_have_127_steps_on_either_side_and_pass_the_gradient():
    x = torch.linspace(-1, 2, 1001, requires_grad=True)
    rounded = round_activation(x)
    levels = rounded / (2 / 127)
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert levels.max().round() == 127
    assert (rounded - x).abs().max() <= 1 / 127 + 1e-6
    rounded.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_results_have_256_levels_between_their_ends_and_zero_is_one_of_them():
    x = torch.cat([torch.linspace(-1, 1.55, 3000), torch.zeros(1)])
    rounded = round_result(x)
    assert rounded.unique().numel() == 256
    assert rounded[-1] == 0
    assert round_result(torch.zeros(3)).tolist() == [0, 0, 0]


def test_weights_have_63_steps_a_channel():
    weight = torch.randn(3, 4, 3, 3) * torch.tensor([1.0, 1e-3, 0.0]).reshape(3, 1, 1, 1)
    rounded = round_weight(weight)
    for exact, found in zip(weight, rounded):
        step = exact.abs().max() / 63
        assert (found - exact).abs().max() <= step / 2 + 1e-9
        assert step == 0 or torch.allclose(found / step, (found / step).round(), atol=1e-3)


def test_weights_come_back_whatever_happens():
    network = small_network().train()
    before, changed = deepcopy(network.state_dict()), list[str]()

    def fail(rounding):
        with rounding.rounded():
            changed.extend(name for name, value in network.state_dict().items() if not torch.equal(value, before[name]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail(FakeQuantisation(network))
    assert "semantic.reduce.conv.weight" in changed
    assert "spatial.blocks.0.conv.weight" not in changed  # takes the picture
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_gradients_reach_every_weight_that_is_rounded():
    network = small_network().train()
    rounding = FakeQuantisation(network)
    crops = torch.rand(2, 3, 50, 160)
    with rounding.rounded():
        output = NativeForward(network, round_result)(crops)
        (output.logits.sum() + output.semantic.sum() + output.position[:, 0].sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_rounding_is_felt_and_leaves_no_trace_in_a_copy_made_before():
    network = small_network()
    copy, crops = deepcopy(network), torch.rand(2, 3, 50, 160)
    with torch.no_grad():
        exact = network(crops).logits
        FakeQuantisation(network)
        rounded = network(crops).logits
        assert torch.equal(copy(crops).logits, exact)
    assert 0 < (rounded - exact).abs().max() < 0.2 * exact.abs().max()


def test_a_run_ends_with_a_checkpoint_like_any_other(tmp_path):
    path = train(tiny_config(quantisation_aware=True), Renderer(DIGITS), tmp_path, schedule=QUIET)
    network = load_checkpoint(path)
    assert torch.isfinite(network(torch.rand(1, 3, 50, 160)).logits).all()


def test_an_interrupted_run_goes_on_to_the_bit(tmp_path):
    config = tiny_config(quantisation_aware=True, steps=4)
    whole = train(config, Renderer(DIGITS), tmp_path / "whole", schedule=QUIET)

    def stop(progress):
        if progress.step == 2:
            raise KeyboardInterrupt

    every = replace(QUIET, save_every=1, report_every=1)
    with pytest.raises(KeyboardInterrupt):
        train(config, Renderer(DIGITS), tmp_path / "parts", schedule=every, report=stop)
    parts = train(config, Renderer(DIGITS), tmp_path / "parts", schedule=every)
    assert_same_weights(whole, parts)

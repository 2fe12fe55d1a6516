"""The forward pass for training is HPA's own, to rounding, and so are its gradients."""

from __future__ import annotations

import copy

import pytest
import torch

from edgelpr.models.hpa import Hpa, create
from edgelpr.plates.loading import load_plate_format
from edgelpr.training.native import NativeForward
from edgelpr.types import Classifier


@pytest.mark.parametrize("classifier", ["shared", "separate-no-maps"])
@pytest.mark.parametrize("training", [False, True])
def test_outputs_and_gradients_are_those_of_the_network(classifier: Classifier, training: bool) -> None:
    torch.manual_seed(0)
    network = create("hpa-nano", load_plate_format("aolp"), classifier).double().train(training)
    twin = copy.deepcopy(network)
    crops = torch.rand(3, 3, 50, 160, dtype=torch.float64)
    ours, theirs = NativeForward(twin)(crops), network(crops)
    assert (ours.logits - theirs.logits).abs().max() < 1e-6  # the placement matrix is kept in float32
    assert (ours.semantic - theirs.semantic).abs().max() < 1e-6
    assert (ours.position is None) == (theirs.position is None)
    _loss(ours.logits).backward()
    _loss(theirs.logits).backward()
    for (name, mine), other in zip(twin.named_parameters(), network.parameters()):
        if other.grad is None:
            assert mine.grad is None, name
        else:
            assert torch.allclose(mine.grad, other.grad, rtol=1e-4, atol=1e-6), name


def test_it_adds_no_weights() -> None:
    network = create("hpa-nano", load_plate_format("aolp"))
    wrapped = NativeForward(network)
    assert [p.data_ptr() for p in wrapped.parameters()] == [p.data_ptr() for p in network.parameters()]
    assert set(wrapped.state_dict()) == {f"network.{name}" for name in network.state_dict()}


def _loss(logits: torch.Tensor) -> torch.Tensor:
    return (logits * torch.linspace(-1, 1, logits.numel(), dtype=logits.dtype).reshape(logits.shape)).sum()


def test_a_network_with_frozen_parts_keeps_them_frozen() -> None:
    network: Hpa = create("hpa-nano", load_plate_format("aolp"))
    network.semantic.requires_grad_(False)
    NativeForward(network)(torch.rand(2, 3, 50, 160)).logits.sum().backward()
    assert all(parameter.grad is None for parameter in network.semantic.parameters())
    assert network.spatial.blocks[0].conv.weight.grad is not None

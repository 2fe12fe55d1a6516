"""A network for another plate format keeps what both formats read."""

from __future__ import annotations

import pytest
import torch

from edgelpr.errors import CheckpointError
from edgelpr.models.hpa import Hpa, create
from edgelpr.models.transfer import transfer
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format

CN, AOLP, LATIN = (load_plate_format(name) for name in ("cn", "aolp", "latin"))


@pytest.fixture(scope="module")
def source() -> Hpa:
    torch.manual_seed(1)
    network = create("hpa-nano", CN).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


def test_to_the_same_format_everything_is_copied(source: Hpa) -> None:
    copied = transfer(source, CN).state_dict()
    assert all(torch.equal(tensor, copied[name]) for name, tensor in source.state_dict().items())


def test_classes_follow_their_characters_and_positions_their_numbers(source: Hpa) -> None:
    target = transfer(source, AOLP)
    for character in "07AZ":
        new, old = AOLP.alphabet.index(character), CN.alphabet.index(character)
        assert torch.equal(target.classifiers[0].linear.weight[new], source.classifiers[0].linear.weight[old])
        assert torch.equal(target.classifiers[0].conv.weight[:, new], source.classifiers[0].conv.weight[:, old])
        assert torch.equal(target.semantic.reduce.conv.weight[new], source.semantic.reduce.conv.weight[old])
        other = CN.alphabet.index("3")
        column = AOLP.alphabet.index("3")
        assert target.semantic.head.weight[new, column] == source.semantic.head.weight[old, other]
    assert torch.equal(target.semantic.bn.running_var[-1], source.semantic.bn.running_var[-1])  # background
    assert torch.equal(target.position.fuse.conv.weight[:6], source.position.fuse.conv.weight[:6])
    assert torch.equal(target.position.head.weight[6, 2], source.position.head.weight[8, 2])
    assert torch.equal(target.context.backbone.conv1.weight, source.context.backbone.conv1.weight)


def test_without_the_lost_characters_both_networks_see_the_same(source: Hpa) -> None:
    """Semantic features of the common characters agree as far as the gates, which mix all channels."""
    target = transfer(source, AOLP).eval()
    crops = torch.rand(2, 3, 50, 160)
    with torch.no_grad():
        ours = target.semantic.reduce(target.semantic.fuse(target.global_features(crops)))
        theirs = source.semantic.reduce(source.semantic.fuse(source.global_features(crops)))
    channels = [CN.alphabet.index(character) for character in AOLP.alphabet]
    assert torch.allclose(ours[:, :-1], theirs[:, channels]) and torch.allclose(ours[:, -1], theirs[:, -1])


def test_letters_that_are_missing_start_from_those_they_look_like(source: Hpa) -> None:
    target = transfer(source, LATIN)
    weight = source.classifiers[0].linear.weight
    assert torch.equal(target.classifiers[0].linear.weight[LATIN.alphabet.index("O")], weight[CN.alphabet.index("0")])
    assert torch.equal(target.classifiers[0].linear.weight[-1], weight[-1])  # void


def test_separate_classifiers_need_the_same_positions() -> None:
    network = create("hpa-nano", PlateFormat("a", "0123", 3), "separate")
    with pytest.raises(CheckpointError, match="separate classifiers for 3 positions"):
        transfer(network, PlateFormat("b", "0123", 4))
    other = transfer(network, PlateFormat("b", "3210", 3))
    assert torch.equal(other.classifiers[2].linear.weight[0], network.classifiers[2].linear.weight[3])

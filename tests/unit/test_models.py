"""HPA: sizes as published, shapes, every classifier, every format."""

from __future__ import annotations

import pytest
import torch
from sample_networks import DIGITS, small_network

from edgelpr.errors import UsageError
from edgelpr.models.counting import count_multiply_adds, count_parameters, imagenet_classifier_parameters
from edgelpr.models.hpa import create
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import BUILT_IN, load_plate_format

# Parameters with the unused ImageNet classifier, as the authors count: shared classifier, six classifiers.
PUBLISHED = {
    "hpa-resnet18": (18_228_306, 22_663_476, 1.164),
    "hpa-resnet34": (28_336_466, 32_771_636, 1.521),
    "hpa-resnet50": (47_779_922, 52_215_092, 3.112),
    "hpa-resnet101": (66_772_050, 71_207_220, 3.869),
}


def on_meta(name, plate_format, classifier="shared"):
    with torch.device("meta"):
        return create(name, plate_format, classifier)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("column", [0, 1])
def test_parameters_equal_the_authors_to_the_last_digit(name, column):
    network = on_meta(name, load_plate_format("aolp"), ("shared", "separate")[column])
    assert count_parameters(network) + imagenet_classifier_parameters(network) == PUBLISHED[name][column]


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_adds_of_the_published_networks(name):
    giga = count_multiply_adds(on_meta(name, load_plate_format("aolp"))) / 1e9
    assert round(giga, 3) == PUBLISHED[name][2]


@pytest.mark.parametrize("name", BUILT_IN)
def test_nano_stays_small_for_every_built_in_format(name):
    network = on_meta("hpa-nano", load_plate_format(name))
    assert count_parameters(network) <= 1_300_000
    assert count_multiply_adds(network) <= 80_000_000


def test_outputs_have_the_documented_shapes():
    output = small_network()(torch.rand(2, 3, 50, 160))
    assert output.logits.shape == (2, 4, 11)
    assert output.semantic.shape == (2, 12, 7, 20)
    assert output.position.shape == (2, 5, 7, 20)
    torch.testing.assert_close(output.position.sum(1), torch.ones(2, 7, 20))


def test_the_shared_classifier_reads_each_position_by_itself():
    network = small_network()
    output = network(torch.rand(2, 3, 50, 160))
    for position in range(4):
        attended = output.semantic[:, :-1] * output.position[:, position : position + 1]
        torch.testing.assert_close(output.logits[:, position], network.classifiers[0](attended))


def test_separate_classifiers_differ_by_position():
    network = small_network(classifier="separate")
    output = network(torch.rand(1, 3, 50, 160))
    assert len(network.classifiers) == 4
    attended = output.semantic[:, :-1] * output.position[:, 2:3]
    torch.testing.assert_close(output.logits[:, 2], network.classifiers[2](attended))


def test_without_maps_the_classifiers_see_the_semantic_features():
    network = small_network(classifier="separate-no-maps")
    output = network(torch.rand(1, 3, 50, 160))
    assert output.position is None
    torch.testing.assert_close(output.logits[:, 1], network.classifiers[1](output.semantic[:, :-1]))


def test_two_rows_have_an_input_of_their_own():
    plate_format = PlateFormat("two-rows", "ABC123", positions=6, rows=2)
    output = small_network(plate_format)(torch.rand(1, 3, *plate_format.height_width))
    assert plate_format.height_width == (80, 128)
    assert output.position.shape == (1, 7, 10, 16)


@pytest.mark.parametrize(("classes", "positions"), [(2, 1), (300, 16)])
def test_any_alphabet_and_any_number_of_positions(classes, positions):
    plate_format = PlateFormat("any", "".join(chr(0x4E00 + index) for index in range(classes)), positions)
    assert small_network(plate_format)(torch.rand(1, 3, 50, 160)).logits.shape == (1, positions, classes)


def test_counting_leaves_the_mode_of_the_network_alone():
    network = small_network().train()
    count_multiply_adds(network)
    assert network.training


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"hpa-resnet19.*hpa-resnet18.*hpa-nano"):
        create("hpa-resnet19", DIGITS)

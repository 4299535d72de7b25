from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, refused

from numpy_nn import Sequential
from numpy_nn.architecture import LayerSpec, parse_architecture


def test_a_list_of_dicts_becomes_a_spec_a_layer() -> None:
    assert parse_architecture(ARCHITECTURE) == (LayerSpec(2, 5, "relu"), LayerSpec(5, 4, "tanh"), LayerSpec(4, 1, "sigmoid"))


def test_an_activation_that_is_left_out_is_linear() -> None:
    assert parse_architecture([{"input_dim": 3, "output_dim": 2}]) == (LayerSpec(3, 2, "linear"),)


def test_numpy_integers_are_dimensions_too() -> None:
    (layer,) = parse_architecture([{"input_dim": np.int64(3), "output_dim": np.uint8(2)}])
    assert (layer.input_dim, layer.output_dim) == (3, 2)
    assert type(layer.input_dim) is int


def test_a_layer_counts_its_kernel_and_its_bias() -> None:
    assert LayerSpec(25, 50).parameter_count == 25 * 50 + 50


@pytest.mark.parametrize("architecture", [[], (), "relu", b"relu", {"input_dim": 2}, None, 7, iter(ARCHITECTURE)])
def test_anything_but_a_filled_list_is_refused(architecture: Any) -> None:
    with refused("architecture was", "a list of one dict a layer"):
        parse_architecture(architecture)


@pytest.mark.parametrize("layer", [None, 5, "relu", [("input_dim", 2), ("output_dim", 1)]])
def test_a_layer_that_is_no_dict_is_refused_by_its_number(layer: Any) -> None:
    with refused("architecture[1] was", repr(layer), "a dict"):
        parse_architecture([ARCHITECTURE[0], layer])


@pytest.mark.parametrize("key", ["input_dim", "output_dim"])
def test_a_missing_dimension_is_named(key: str) -> None:
    layer = {name: value for name, value in ARCHITECTURE[0].items() if name != key}
    with refused(f"architecture[0] lacks {key!r}", "input_dim, output_dim, activation"):
        parse_architecture([layer])


def test_an_unknown_key_is_named() -> None:
    with refused("architecture[0] has the key 'units'", "input_dim, output_dim, activation"):
        parse_architecture([{**ARCHITECTURE[0], "units": 5}])


@pytest.mark.parametrize("value", [0, -1, 2.0, 2.5, "2", None, True, [2], np.float64(2)])
@pytest.mark.parametrize("key", ["input_dim", "output_dim"])
def test_a_dimension_that_is_no_positive_integer_is_refused(key: str, value: Any) -> None:
    with refused(f"architecture[0][{key!r}] was {value!r}", "a positive integer"):
        parse_architecture([{**ARCHITECTURE[0], key: value}])


@pytest.mark.parametrize("activation", ["prelu", "", 3, ["relu"], np.tanh])
def test_an_unknown_activation_is_refused_with_those_that_there_are(activation: Any) -> None:
    with refused("architecture[0]['activation'] was", repr(activation), "linear, relu, sigmoid, tanh, softmax"):
        parse_architecture([{**ARCHITECTURE[0], "activation": activation}])


def test_layers_that_do_not_chain_are_refused() -> None:
    with refused("architecture[1]['input_dim'] was 6", "must be 5"):
        parse_architecture([ARCHITECTURE[0], {"input_dim": 6, "output_dim": 1}])


def test_a_network_refuses_what_the_parser_refuses() -> None:
    with refused("architecture was []"):
        Sequential([])


def test_a_network_gives_its_architecture_back() -> None:
    assert Sequential(ARCHITECTURE).architecture == ARCHITECTURE

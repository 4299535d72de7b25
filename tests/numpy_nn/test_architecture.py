import json
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, refused

from numpy_nn import Sequential, activations, initializers, regularizers
from numpy_nn.architecture import LayerSpec, as_dicts, parse_architecture


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
    with refused("architecture[0] has the key 'width'", "input_dim, output_dim, activation"):
        parse_architecture([{**ARCHITECTURE[0], "width": 5}])


def test_a_key_that_only_keras_has_is_taken_where_it_changes_nothing() -> None:
    neutral = {"name": "hidden", "trainable": True, "bias_regularizer": None, "kernel_constraint": None, "dtype": None}
    assert parse_architecture([{**ARCHITECTURE[0], **neutral}]) == parse_architecture(ARCHITECTURE[:1])
    for key, value, there in [
        ("units", 5, "output_dim"),
        ("trainable", False, "fit, which trains all layers"),
        ("bias_regularizer", "l2", "kernel_regularizer"),
        ("kernel_constraint", "max_norm", "a callback"),
    ]:
        with refused(f"architecture[0] has the key {key!r}: there is {there}"):
            parse_architecture([{**ARCHITECTURE[0], key: value}])


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


FULL: list[dict[str, Any]] = [
    {"dropout": 0.25},
    {
        "input_dim": 2,
        "output_dim": 5,
        "activation": {"class_name": "leaky_relu", "config": {"negative_slope": 0.5}},
        "kernel_initializer": "he_normal",
        "bias_initializer": {"class_name": "random_uniform", "config": {"minval": 0.0, "maxval": 1.0}},
        "kernel_regularizer": {"class_name": "l2", "config": {"l2": 0.5}},
    },
    {"input_dim": 5, "output_dim": 1, "activation": "sigmoid", "use_bias": False, "kernel_regularizer": "l1"},
]


def test_an_architecture_comes_back_as_names_and_dicts() -> None:
    layers = parse_architecture(FULL)
    assert as_dicts(layers) == FULL
    assert parse_architecture(json.loads(json.dumps(as_dicts(layers)))) == layers
    assert Sequential(FULL).architecture == FULL


def test_objects_stand_for_what_they_are() -> None:
    first, last = FULL[1:]
    objects = {
        "activation": activations.LeakyRelu(0.5),
        "kernel_initializer": initializers.HeNormal(),
        "bias_initializer": initializers.RandomUniform(0.0, 1.0),
        "kernel_regularizer": regularizers.L2(0.5),
    }
    assert parse_architecture([FULL[0], {**first, **objects}, last]) == parse_architecture(FULL)


def test_a_layer_without_a_bias_has_no_such_row() -> None:
    layer = LayerSpec(25, 50, use_bias=False)
    assert (layer.matrix_rows, layer.parameter_count) == (25, 25 * 50)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"dropout": 1.0}, "architecture[0]['dropout'] was 1.0"),
        ({"dropout": -0.1}, "architecture[0]['dropout'] was -0.1"),
        ({"dropout": "0.5"}, "architecture[0]['dropout'] was '0.5'"),
        ({"dropout": 0.5, "units": 3}, "no other key"),
        ({**ARCHITECTURE[0], "use_bias": 1}, "architecture[0]['use_bias'] was 1: it must be True or False"),
        ({**ARCHITECTURE[0], "use_bias": False, "bias_initializer": "ones"}, "architecture[0]['bias_initializer'] was 'ones'"),
        ({**ARCHITECTURE[0], "kernel_initializer": "random"}, "architecture[0]['kernel_initializer'] was 'random'"),
        ({**ARCHITECTURE[0], "bias_initializer": 3}, "architecture[0]['bias_initializer'] was 3"),
        ({**ARCHITECTURE[0], "kernel_regularizer": "l3"}, "architecture[0]['kernel_regularizer'] was 'l3'"),
        ({**ARCHITECTURE[0], "kernel_regularizer": {"class_name": "l2", "config": {"l1": 1}}}, "kernel_regularizer"),
        ({**ARCHITECTURE[0], "kernel_regularizer": {"class_name": "l2", "config": 3}}, "had the config 3"),
    ],
)
def test_a_bad_entry_is_named(entry: dict[str, Any], said: str) -> None:
    with refused(said):
        parse_architecture([entry, *ARCHITECTURE[0 if "input_dim" not in entry else 1 :]])


def test_a_layer_must_follow_a_dropout() -> None:
    for layers in ([*ARCHITECTURE, {"dropout": 0.5}], [{"dropout": 0.5}, {"dropout": 0.5}, *ARCHITECTURE]):
        with refused("'dropout': 0.5", "a layer must follow"):
            parse_architecture(layers)


def test_a_network_refuses_what_the_parser_refuses() -> None:
    with refused("architecture was []"):
        Sequential([])


def test_a_network_gives_its_architecture_back() -> None:
    assert Sequential(ARCHITECTURE).architecture == ARCHITECTURE

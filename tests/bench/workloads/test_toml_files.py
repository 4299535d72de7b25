"""Workloads from TOML files, and the error of every mistake in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.records.workload_records import check_workloads
from bench.workloads import WORKLOADS, Workload, WorkloadError, find_workload, load_workload
from bench.workloads.models import Training

ROOT = Path(__file__).parents[3]
GOOD = """
name = "mine"
scored_seeds = 2
rounds = 2
targets = [0.9]
contestants = ["numpy_nn", "keras"]

[data]
name = "moons"
test_size = 0.2
parameters = { n_samples = 50, noise = 0.1 }

[[architecture]]
input_dim = 2
output_dim = 5
activation = "relu"
[[architecture]]
input_dim = 5
output_dim = 1
activation = "sigmoid"

[training]
loss = "binary_crossentropy"
epochs = 3
batch_size = 16
optimizer = { name = "sgd", learning_rate = 0.1 }

[settings.keras]
dtype = "float64"
"""


def write(folder: Path, text: str = GOOD, name: str = "workload.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_a_built_in_workload_is_found_by_its_name() -> None:
    assert find_workload("moons") is WORKLOADS["moons"]


def test_a_file_says_what_is_trained(tmp_path: Path) -> None:
    workload = find_workload(str(write(tmp_path)))
    assert workload.name == "mine"
    assert workload.training.optimizer == {"name": "sgd", "learning_rate": 0.1}
    assert workload.architecture[1] == {"input_dim": 5, "output_dim": 1, "activation": "sigmoid"}
    assert workload.data.parameters == {"n_samples": 50, "noise": 0.1}


def test_settings_are_as_the_training_where_they_say_nothing(tmp_path: Path) -> None:
    workload = load_workload(write(tmp_path))
    assert workload.training_of("numpy_nn") is workload.training
    assert workload.training_of("keras") == workload.training.model_copy(update={"dtype": "float64"})


def test_a_layer_and_a_training_that_are_left_out_have_their_defaults(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("[training]")].replace('activation = "relu"\n', "")
    workload = load_workload(write(tmp_path, text))
    assert workload.architecture[0] == {"input_dim": 2, "output_dim": 5, "activation": "linear"}
    assert workload.training == Training()
    assert check_workloads([workload.model_dump(mode="json")]), "it can stand in run.json"


def test_an_optimizer_may_be_a_name_alone(tmp_path: Path) -> None:
    workload = load_workload(write(tmp_path, changed('{ name = "sgd", learning_rate = 0.1 }', '"adam"')))
    assert workload.training_of("keras").optimizer == {"name": "adam"}


def test_a_data_file_is_named_without_detours_and_a_link_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "object").write_text("".join(["a,b,label\n", *(f"{n},{n % 3},{n % 2}\n" for n in range(30))]), encoding="utf-8")
    (tmp_path / "table.csv").symlink_to("object")
    (tmp_path / "inner").mkdir()
    data = 'name = "file"\nparameters = { path = "../table.csv", target = "label" }'
    text = changed('name = "moons"\ntest_size = 0.2\nparameters = { n_samples = 50, noise = 0.1 }', data)
    workload = load_workload(write(tmp_path / "inner", text))
    assert workload.data.parameters["path"] == str(tmp_path.resolve() / "table.csv")


def test_a_file_without_a_name_has_its_own(tmp_path: Path) -> None:
    workload = load_workload(write(tmp_path, changed('name = "mine"\n', ""), "my-moons.toml"))
    assert workload.name == "my-moons"
    assert workload.summary == "your own, from my-moons.toml"


def test_a_full_batch_is_said_by_a_word(tmp_path: Path) -> None:
    assert load_workload(write(tmp_path, changed("batch_size = 16", 'batch_size = "full"'))).training.batch_size is None


def test_a_batch_may_be_larger_than_the_sample(tmp_path: Path) -> None:
    assert load_workload(write(tmp_path, changed("batch_size = 16", "batch_size = 4096"))).training.batch_size == 4096


def test_paths_are_seen_from_the_files_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    rows = "\n".join(f"{index},{index % 7},{index % 2}" for index in range(40))
    (tmp_path / "rows.csv").write_text(f"a,b,label\n{rows}\n", encoding="utf-8")
    text = changed('name = "moons"', 'name = "file"').replace("n_samples = 50, noise = 0.1", 'path = "rows.csv", target = "label"')
    workload = load_workload(write(tmp_path, text.replace('"numpy_nn", "keras"', '"net.py:Net", "keras"')))
    assert workload.data.parameters["path"] == str(tmp_path / "rows.csv")
    assert workload.contestants == [f"{tmp_path / 'net.py'}:Net", "keras"]


def test_a_workload_is_the_same_after_it_was_written_into_a_record(tmp_path: Path) -> None:
    workload = load_workload(write(tmp_path))
    assert Workload.model_validate(workload.model_dump(mode="json")) == workload


def test_the_example_is_a_workload_that_can_be_trained() -> None:
    workload = load_workload(ROOT / "examples" / "spirals.toml")
    assert workload.name == "spirals"
    assert workload.contestants is not None
    assert workload.contestants[-1] == f"{ROOT / 'examples' / 'my_net.py'}:MyNet"


def test_the_example_shows_every_key_that_there_is() -> None:
    text = (ROOT / "examples" / "spirals.toml").read_text(encoding="utf-8")
    shown = {line.removeprefix("# ").split(" = ")[0].split(" ")[0] for line in text.splitlines() if " = " in line}
    tables = {"data", "training", "architecture", "settings", "parameters", "grid"}  # grid makes a scaling study, not a workload
    for model in (Workload, type(WORKLOADS["moons"].data), type(WORKLOADS["moons"].training)):
        assert set(model.model_fields) - tables <= shown


SOFTMAX = 'output_dim = 1\nactivation = "softmax"'
REGRESSION = 'loss = "mean_squared_error"'
BAD_TOML: dict[str, tuple[str, list[str]]] = {
    "a syntax error": (changed("epochs = 3", "epochs = = 3"), ["line 24", "no TOML"]),
    "a path of Windows": (changed('name = "moons"', 'name = "C:\\data"'), ["no TOML", "a backslash must be doubled"]),
    "Python's True": (changed("epochs = 3", "epochs = 3\nshuffle = True"), ["line 25", "'shuffle = True'", "small letters"]),
    "a comma in a number": (changed("epochs = 3", "epochs = 3,000"), ["'epochs = 3,000'", "a number has no comma"]),
    "a word without quotation marks": (changed('name = "moons"', "name = moons"), ["'name = moons'", "quotation marks"]),
    "typographic quotation marks": (changed('name = "moons"', "name = \u201cmoons\u201d"), ["quotation marks must be"]),
    "a colon": ("rounds: 3\n", ["'rounds: 3'", "not by a colon"]),
    "a table twice": (GOOD + "\n[data]\n", ["no TOML", "data"]),
    "an unknown key at the top": (GOOD.replace("rounds", "round", 1), ["round ", "did you mean 'rounds'"]),
    "an unknown key in a table": (changed("epochs", "epoch"), ["training.epoch ", "did you mean 'epochs'"]),
    "an unknown key in settings": (changed("dtype", "dtpye"), ["settings.keras.dtpye ", "did you mean 'dtype'"]),
    "a word for an integer": (changed("epochs = 3", 'epochs = "many"'), ["training.epochs", "'many'", "valid integer"]),
    "a boolean for an integer": (changed("epochs = 3", "epochs = true"), ["training.epochs", "True", "valid integer"]),
    "a float for an integer": (changed("rounds = 2", "rounds = 2.0"), ["rounds", "2.0", "valid integer"]),
    "no epochs": (changed("epochs = 3", "epochs = 0"), ["training.epochs", "0", "greater than 0"]),
    "an empty batch": (changed("batch_size = 16", "batch_size = 0"), ["training.batch_size", "0"]),
    "a word for a batch": (changed("batch_size = 16", 'batch_size = "all"'), ["training.batch_size", "'all'", "or 'full'"]),
    "negative seeds": (changed("scored_seeds = 2", "scored_seeds = -1"), ["scored_seeds", "-1"]),
    "no launches": (changed("rounds = 2", "rounds = 2\nlaunches = 0"), ["launches", "0"]),
    "an unknown precision": (changed('dtype = "float64"', 'dtype = "half"'), ["settings.keras.dtype", "'half'", "'float32'"]),
    "a test share of one": (changed("test_size = 0.2", "test_size = 1.0"), ["data.test_size", "1.0", "less than 1"]),
    "a test share of everything": (changed("test_size = 0.2", "test_size = 0.99"), ["data.test_size", "0.99", "50 rows"]),
    "a target above one": (changed("[0.9]", "[0.9, 95]"), ["targets.1", "95", "less than or equal to 1"]),
    "a target of zero": (changed("[0.9]", "[0.0]"), ["targets.0", "0.0", "greater than 0"]),
    "a target that is no list": (changed("[0.9]", "0.9"), ["targets", "0.9", "should be a list"]),
    "a seed that no generator takes": (
        changed("test_size", "sample_seed = 4294967296\ntest_size"),
        ["data.sample_seed", "4294967296"],
    ),
    "a name with a slash": (changed('"mine"', '"my/moons"'), ["name", "'my/moons'"]),
    "a name with a blank": (changed('"mine"', '"my moons"'), ["name", "'my moons'", "hyphens and underscores"]),
    "an activation in Keras' class names": (changed('"relu"', '"ReLU"'), ["architecture[0]['activation']", "did you mean 'relu'"]),
    "a built-in name": (changed('"mine"', '"moons"'), ["name", "'moons'", "built-in"]),
    "no data": (GOOD[: GOOD.index("[data]")] + GOOD[GOOD.index("[[arch") :], ["data is missing"]),
    "no name of the data": (changed('name = "moons"\n', ""), ["data.name is missing"]),
    "no architecture": (GOOD[: GOOD.index("[[arch")] + GOOD[GOOD.index("[training]") :], ["architecture is missing"]),
    "an unknown data set": (changed('"moons"', '"moon"'), ["data.name", "'moon'", "did you mean 'moons'"]),
    "an unknown parameter": (changed("noise", "nois"), ["data.parameters.nois ", "did you mean 'noise'"]),
    "negative noise": (changed("noise = 0.1", "noise = -0.1"), ["data.parameters.noise", "-0.1"]),
    "a noise that is no number": (changed("noise = 0.1", "noise = nan"), ["data.parameters.noise", "nan", "finite"]),
    "too few samples": (changed("n_samples = 50", "n_samples = 1"), ["data.parameters.n_samples", "1"]),
    "another set's parameter": (changed("noise = 0.1", "arms = 2"), ["data.parameters.arms ", "n_samples"]),
    "layers that don't chain": (changed("input_dim = 5", "input_dim = 4"), ["architecture[1]['input_dim']", "4", "5"]),
    "an unknown activation": (changed('"relu"', '"rely"'), ["architecture[0]['activation']", "'rely'", "relu"]),
    "a dimension of zero": (
        changed("output_dim = 5", "output_dim = 0"),
        ["architecture[0]['output_dim']", "0", "positive integer"],
    ),
    "a dimension that is a boolean": (changed("output_dim = 5", "output_dim = true"), ["architecture[0]['output_dim']", "True"]),
    "a layer without a bias": (
        changed("output_dim = 5", "output_dim = 5\nuse_bias = false"),
        ["architecture[0]", "'use_bias'", "not every contestant"],
    ),
    "dropout": (changed("[[architecture]]", "[[architecture]]\ndropout = 0.5\n[[architecture]]"), ["architecture[0]", "'dropout'"]),
    "a loss without a score": (changed('"binary_crossentropy"', '"huber"'), ["training.loss", "'huber'", "mean_squared_error"]),
    "a layer's unknown key": (changed("output_dim = 5", "units = 5"), ["architecture[0]", "'units'", "output_dim"]),
    "too many inputs": (changed("input_dim = 2", "input_dim = 3"), ["architecture[0]['input_dim']", "3", "must be 2", "features"]),
    "too many outputs": (
        changed("output_dim = 1", "output_dim = 2"),
        ["architecture[1]['output_dim']", "2", "must be 1", "outputs"],
    ),
    "softmax over one": (changed('output_dim = 1\nactivation = "sigmoid"', SOFTMAX), ["softmax", "1 output"]),
    "softmax inside": (changed('"relu"', '"softmax"'), ["architecture[0]['activation']", "'softmax'", "last layer"]),
    "a loss that the output can't have": (changed('"sigmoid"', '"tanh"'), ["training.loss", "'binary_crossentropy'", "'tanh'"]),
    "an unknown loss": (changed('"binary_crossentropy"', '"hinge"'), ["training.loss", "'hinge'", "mean_squared_error"]),
    "labels by number": (
        changed('"binary_cross', '"sparse_categorical_cross'),
        ["training.loss", "sparse_categorical_crossentropy"],
    ),
    "an unknown initializer": (
        changed("epochs = 3", 'initializer = "magic"'),
        ["training.initializer", "'magic'", "glorot_uniform"],
    ),
    "an unknown optimizer": (changed('name = "sgd"', 'name = "adm"'), ["training.optimizer.name", "'adm'", "did you mean 'adam'"]),
    "an optimizer without a name": (changed('name = "sgd", ', ""), ["training.optimizer.name is missing"]),
    "an optimizer that is a number": (
        changed('{ name = "sgd", learning_rate = 0.1 }', "3"),
        ["training.optimizer is 3", "a table"],
    ),
    "an unknown optimizer by its name": (changed('{ name = "sgd", learning_rate = 0.1 }', '"sdg"'), ["optimizer.name", "'sgd'"]),
    "an unknown optimizer's parameter": (changed("learning_rate", "lr"), ["training.optimizer.lr ", "learning_rate"]),
    "a negative learning rate": (changed("learning_rate = 0.1", "learning_rate = -1"), ["training.optimizer.learning_rate", "-1"]),
    "an infinite learning rate": (
        changed("learning_rate = 0.1", "learning_rate = inf"),
        ["training.optimizer.learning_rate", "inf"],
    ),
    "a switch that is a word": (
        changed("learning_rate = 0.1", 'nesterov = "yes"'),
        ["training.optimizer.nesterov", "'yes'", "true or"],
    ),
    "settings for nobody": (changed("[settings.keras]", "[settings.kears]"), ["settings.kears", "did you mean 'keras'"]),
    "an unknown contestant": (changed('"numpy_nn"', '"numpynn"'), ["contestants.0", "'numpynn'", "did you mean 'numpy_nn'"]),
    "a contestant twice": (changed('"numpy_nn"', '"keras"'), ["contestants.1", "'keras'", "twice"]),
    "no contestant": (changed('["numpy_nn", "keras"]', "[]"), ["contestants", "[]"]),
    "nothing to measure": (changed("scored_seeds = 2\nrounds = 2\ntargets = [0.9]", ""), ["rounds, scored_seeds"]),
    "targets that nothing reaches": (changed("scored_seeds = 2", "scored_seeds = 0"), ["targets", "scored_seeds is 0"]),
    "parity without its reference": (changed('"numpy_nn", "keras"]', '"jax"]\nparity = true'), ["parity", "'keras'"]),
    "parts in float32": (changed("rounds = 2", "parity = true\nparts = true"), ["parts", "float64"]),
    "parity while shuffling": (
        changed("rounds = 2", "parity = true").replace("epochs", "shuffle = true\nepochs"),
        ["parity", "shuffle"],
    ),
    "a grid of something else": (GOOD + "\n[grid]\nheight = [8]\n", ["grid", "'height'", "width"]),
    "a grid of nothing": (GOOD + "\n[grid]\nwidth = []\n", ["grid.width", "[]"]),
    "a grid with a zero": (GOOD + "\n[grid]\nwidth = [8, 0]\n", ["grid.width.1", "0"]),
    "a grid of what isn't finite": (
        GOOD.replace("rounds = 2\n", "") + "\n[grid]\nlearning_rate = [0.1, nan]\n",
        ["grid.learning_rate.1 is nan: it must be a finite number"],
    ),
    "a target twice": (changed("[0.9]", "[0.9, 0.9]"), ["targets is [0.9, 0.9]: a value stands there twice"]),
    "rows of predictions twice": ("prediction_rows = [1, 1]\n" + GOOD, ["prediction_rows is [1, 1]: a value stands there twice"]),
    "a blank that is none": (changed("epochs = 3", "epochs\u00a0= 3"), ["line 24", r"'epochs\xa0= 3'", "can't be seen"]),
    "a key twice at the end": ('name = "a"\nname = "b"', ["end of document", "'name = \"b\"'"]),
    "a time limit of zero": ("time_limit_seconds = 0\n" + GOOD, ["time_limit_seconds", "0"]),
    "a data file that isn't there": (
        changed('name = "moons"', 'name = "file"').replace("n_samples = 50, noise = 0.1", 'path = "no.csv", target = "y"'),
        ["no.csv", "nothing of that name"],
    ),
    "a data file without a target": (
        changed('name = "moons"', 'name = "file"').replace("n_samples = 50, noise = 0.1", 'path = "no.csv"'),
        ["data.parameters.target is missing"],
    ),
}


@pytest.mark.parametrize(("text", "named"), BAD_TOML.values(), ids=BAD_TOML)
def test_a_mistake_in_a_file_is_one_line_with_the_file_the_key_and_the_value(text: str, named: list[str], tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(WorkloadError) as caught:
        load_workload(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(str(path))
    for part in named:
        assert part in message.removeprefix(str(path))


def test_accuracies_cannot_be_targets_of_a_regression(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "rows.npz", x=random.normal(size=(40, 2)), y=random.normal(size=40))
    text = changed('name = "moons"', 'name = "file"').replace("n_samples = 50, noise = 0.1", 'path = "rows.npz", target = "y"')
    text = text.replace('loss = "binary_crossentropy"', REGRESSION).replace('"sigmoid"', '"linear"')
    with pytest.raises(WorkloadError, match="targets are test accuracies"):
        load_workload(write(tmp_path, text))
    assert load_workload(write(tmp_path, text.replace("targets = [0.9]", ""))).training.loss == "mean_squared_error"


def test_labels_that_the_loss_cannot_have_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.arange(80.0).reshape(40, 2), y=np.linspace(0, 1, 40))
    text = changed('name = "moons"', 'name = "file"').replace("n_samples = 50, noise = 0.1", 'path = "rows.npz", target = "y"')
    with pytest.raises(WorkloadError, match=r"training\.loss is 'binary_crossentropy', and doesn't fit the data"):
        load_workload(write(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("moon", "did you mean 'moons'"),
        ("nothing.toml", "there is no such file"),
        ("", "it may be one of moons"),
        ("folder.toml", "read"),
        ("file.txt", "its name must end in .toml"),
    ],
)
def test_a_workload_that_there_is_not_is_one_line(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "file.txt").touch()
    with pytest.raises(WorkloadError) as caught:
        find_workload(name)
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(WorkloadError, match=r"bytes\.toml is no TOML: byte 8 is not UTF-8"):
        load_workload(path)

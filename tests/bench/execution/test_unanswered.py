import pytest
from harness import spec, workload

from bench.contestants.registry import CONTESTANTS
from bench.execution.run_selection import RunOptions, new_job
from bench.execution.unanswered import check_film, unanswered
from bench.workloads.builtin import WORKLOADS

OURS, KERAS, SKLEARN, FLOOR, ARTICLE, ONNX = (
    CONTESTANTS[name] for name in ("numpy_nn", "keras", "sklearn", "floor", "article", "onnxruntime")
)
TIMED = workload(rounds=1, launches=1, scored_seeds=2)


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ([OURS, KERAS], []),
        ([OURS], ["numpy_nn trains alone"]),
        ([OURS, FLOOR], ["numpy_nn trains alone"]),
        ([SKLEARN, KERAS], ["numpy_nn, which each is of, takes no part"]),
        ([OURS, SKLEARN], ["no answer about Keras"]),
    ],
)
def test_a_choice_of_contestants_without_the_headline_ratio_is_told_what_is_missing(specs, said):
    found = unanswered([(TIMED, specs)])
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True))


def test_workloads_in_which_each_has_steps_of_its_own_need_no_ratio_of_steps():
    assert unanswered([(WORKLOADS["article"], [ARTICLE, OURS])]) == []
    assert "trains alone" in unanswered([(WORKLOADS["article"], [ARTICLE, OURS]), (TIMED, [OURS])])[0]


@pytest.mark.parametrize(
    ("fields", "specs", "options", "said"),
    [
        ({"prediction_rows": [1]}, [ONNX], {}, "small: none of its contestants trains"),
        ({"scored_seeds": 1}, [OURS], {"seeds": 1}, "small: with one seed"),
        ({"rounds": 1}, [OURS, KERAS], {"seeds": 3}, "--seeds 3 changes nothing"),
        ({"scored_seeds": 2}, [OURS, KERAS], {"rounds": 3}, "--rounds 3 changes nothing"),
    ],
)
def test_every_other_question_without_an_answer_is_named(fields, specs, options, said):
    assert [sentence.startswith(said) for sentence in unanswered([(workload(**fields), specs)], **options)] == [True]


def test_a_film_of_nothing_is_refused():
    check_film([(workload(scored_seeds=1), [OURS])])
    for entry, specs in [(workload(), [OURS]), (workload(scored_seeds=1), [spec("Tiny")])]:
        with pytest.raises(ValueError, match="--film can show none of the workloads small"):
            check_film([(entry, specs)])


def test_a_run_is_told_before_it_measures(tmp_path):
    job = new_job(RunOptions(contestants=["numpy_nn", "article"]), tmp_path, [])
    assert any("numpy_nn trains alone: name keras" in note for note in job.run.notes)
    with pytest.raises(ValueError, match="--film"):
        new_job(RunOptions(workloads=["parity"], film=True), tmp_path, [])

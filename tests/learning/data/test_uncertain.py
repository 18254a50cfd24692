"""What is learned from uncertain labels: each policy, in the targets and in the gradient."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Training, Uncertain
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.data.uncertain import lessons, policies, teaches
from radpipe.learning.training.run import TrainingRun, make_run
from radpipe.learning.training.train import train
from tests.small_study import GRADES, LABELS, TWO, small_recipe, write_study

NAN = np.nan
FIRST, SECOND = LABELS.classes
# Known, uncertain of the first label, of both, and knowing nothing.
TRUTH = np.array([[0.0, 1.0], [NAN, 0.0], [NAN, NAN], [NAN, NAN]])
DOUBT = np.array([[0, 0], [1, 0], [1, 1], [0, 0]], dtype=bool)


def how(**uncertain: Any) -> Training:
    given = {"optimizer": "adam", "lr": 1e-3, "batch_size": 1, "epochs": 1}
    return Training.model_validate({**given, "uncertain": uncertain})


def learned(seed: int = 0, **uncertain: Any) -> np.ndarray:
    each = policies(LABELS, how(**uncertain))
    return lessons(TRUTH, DOUBT, each, Uncertain(**uncertain), seed=seed).targets


@pytest.mark.parametrize(
    ("policy", "value"), [("ignore", NAN), ("zeros", 0.0), ("ones", 1.0), ("three", 2.0)]
)
def test_a_policy_gives_uncertain_labels_its_value(policy, value):
    expected = np.array([[0, 1], [value, 0], [value, value], [NAN, NAN]], dtype=np.float32)
    np.testing.assert_array_equal(learned(learn_as=policy), expected)


def test_soft_labels_lie_in_their_range_and_follow_the_seed():
    found = learned(learn_as="smooth")
    soft = found[DOUBT]
    assert ((soft > 0.55) & (soft < 0.85)).all()
    assert len(set(soft.tolist())) == 3
    assert found[~DOUBT].tobytes() == TRUTH[~DOUBT].astype(np.float32).tobytes()
    assert learned(learn_as="smooth").tobytes() == found.tobytes()
    assert learned(seed=1, learn_as="smooth").tobytes() != found.tobytes()
    narrow = learned(learn_as="smooth", low=0.7, high=0.7)
    np.testing.assert_array_equal(narrow[DOUBT], np.float32(0.7))


def test_labels_may_have_policies_of_their_own():
    found = learned(learn_as="zeros", labels={SECOND: "ones"})
    np.testing.assert_array_equal(found[2], [0, 1])


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        (["ignore", "ignore"], [True, True, False, False]),
        (["ones", "ignore"], [True, True, True, False]),
    ],
)
def test_a_case_teaches_if_something_of_it_is_learned(each, expected):
    assert teaches(TRUTH, DOUBT, each).tolist() == expected


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match=r"labels: hernia: no label of the target, which has"):
        policies(LABELS, how(labels={"hernia": "ones"}))
    with pytest.raises(ConfigError, match="ones is said of labels, and the target is ordinal"):
        policies(GRADES, how(learn_as="ones"))
    assert policies(TWO, how(learn_as="ones")) == ["ones"]
    with pytest.raises(ValueError, match=r"low 0\.9 is above high 0\.85"):
        Uncertain(low=0.9)
    with pytest.raises(ValueError, match="no labels beside it"):
        Uncertain(learn_as="three", labels={FIRST: "ones"})


def run_of(root: Path, doubtful: int, *, seed: int = 0, **uncertain: Any) -> TrainingRun:
    """Make a run of a study whose first label is uncertain in every `doubtful`-th case."""
    if not (root / "data").exists():
        write_study(root, LABELS)
        split = root / "data/bones/split.parquet"
        table = read_table(split)
        doubt = np.arange(len(table)) % doubtful == 0
        name = LABELS.columns[0]
        truth = np.where(doubt, NAN, np.asarray(table[name]))
        table = table.set_column(table.column_names.index(name), name, pa.array(truth))
        table = table.append_column(LABELS.uncertain_columns[0], pa.array(doubt))
        table = table.append_column(LABELS.uncertain_columns[1], pa.array(~doubt & False))
        write_table(split, table)
    settings = {"epochs": 2, "batch_size": 8, "uncertain": uncertain}
    recipe = small_recipe(root, LABELS, model={"widths": [4, 8]}, train=settings)
    store, split = Store(root / "data/bones/store"), Path(recipe.split.path)
    both = [
        read_part(split, store, LABELS, part=part, fold=0, how=recipe.train, seed=seed)
        for part in ("train", "tune")
    ]
    return make_run(recipe, store, *both)


def trained(run: TrainingRun, folder: Path) -> dict[str, bytes]:
    state = train(run, seed=0, saved=folder / "s", board=folder / "b", stop=lambda: False)
    return {name: tensor.numpy().tobytes() for name, tensor in state.kept.items()}


def test_an_ignored_label_has_exactly_no_gradient(tmp_path):
    """The answer to it may be anything: not one bit of the gradient changes."""
    run = run_of(tmp_path, 2)
    assert run.train.taught is not None
    assert np.isnan(run.train.lessons.targets).any()
    logits = torch.zeros(len(run.train), len(LABELS.classes), requires_grad=True)
    truth = torch.from_numpy(run.train.lessons.targets)
    run.loss(logits, truth).backward()
    assert logits.grad is not None
    assert (logits.grad[torch.isnan(truth)] == 0).all()
    assert (logits.grad[~torch.isnan(truth)] != 0).all()


@pytest.mark.parametrize("draw", ["once", "anew"])
def test_soft_labels_train_to_the_same_bytes(tmp_path, draw):
    smooth = {"learn_as": "smooth", "draw": draw}
    found = [
        trained(run_of(tmp_path, 2, **smooth), tmp_path / f"{draw}-{time}") for time in range(2)
    ]
    assert found[0] == found[1]
    assert found[0] != trained(run_of(tmp_path, 2), tmp_path / "ignored")


def test_anew_is_drawn_in_every_batch(tmp_path):
    run = run_of(tmp_path, 1, learn_as="smooth", draw="anew")
    generator = torch.Generator().manual_seed(0)
    first, second = (
        run.train.lessons.of_batch(np.arange(8), run.how.uncertain, generator) for _ in range(2)
    )
    assert (first[:, 0] != second[:, 0]).all()
    assert ((first[:, 0] >= 0.55) & (first[:, 0] <= 0.85)).all()
    torch.testing.assert_close(first[:, 1:], second[:, 1:], equal_nan=True, rtol=0, atol=0)


def test_cases_of_which_all_is_uncertain_are_learned_where_a_policy_says_how(tmp_path):
    assert len(run_of(tmp_path, 1, learn_as="ones").train) == len(run_of(tmp_path, 1).train)
    table = read_table(tmp_path / "data/bones/split.parquet")
    nothing = pa.array(np.full(len(table), NAN))
    column = table.column_names.index(LABELS.columns[1])
    table = table.set_column(column, LABELS.columns[1], nothing)
    write_table(tmp_path / "data/bones/split.parquet", table)
    assert len(run_of(tmp_path, 1, learn_as="ones").train) > 0


def test_scores_are_judged_on_no_uncertain_label(tmp_path):
    """What `tune` is scored on does not depend on the policy."""
    tunes = [run_of(tmp_path, 2, learn_as=each).tune for each in ("ignore", "ones", "three")]
    assert all(tune.taught is None for tune in tunes)
    assert all(np.isnan(tune.targets).any() for tune in tunes)


def test_a_class_of_its_own_is_trained(tmp_path):
    run = run_of(tmp_path, 2, learn_as="three")
    assert set(run.train.lessons.targets[:, 0]) == {0.0, 1.0, 2.0} - {run_has_no(run)}
    kept = trained(run, tmp_path / "three")
    assert kept != trained(run_of(tmp_path, 2, learn_as="ones"), tmp_path / "ones")


def run_has_no(run: TrainingRun) -> float:
    """Return the value that known first labels lack: every other case is doubtful."""
    return ({0.0, 1.0} - set(run.train.targets[:, 0])).pop()

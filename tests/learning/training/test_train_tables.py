"""Training with a table: every preset's first step, the auxiliary task, and boosting."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.presets import load_preset
from radpipe.core.settings import Target
from radpipe.core.step import StoppedError
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.data.uncertain import Lessons
from radpipe.learning.networks.inference import infer, infer_logits, predict_table
from radpipe.learning.networks.network import load_network, read_about
from radpipe.learning.runs.one_run import Order, train_run
from radpipe.learning.training.fitting import fit
from radpipe.learning.training.gradients import batch_gradient
from radpipe.learning.training.run import TrainingRun, make_run
from radpipe.learning.training.train import start, train
from radpipe.learning.training.watching import score_tune
from tests.learning.models.test_models_fusion import narrow
from tests.learning.training.test_train import same
from tests.small_study import KL, LABELS, ROOT, TWO, presets, small_recipe, write_knees

CPU = torch.device("cpu")
SMALL = {"image": {"name": "compact", "widths": [4, 8]}, "hidden": 4}
STILL = {"rotate": 0, "translate": 0, "scale": None, "flip_horizontal": 0, "brightness": None}


def order(root: Path, name: str = "run") -> Order:
    folder = root / name
    paths = {n: folder / n for n in ("recipe", "weights", "history", "state", "board")}
    folder.mkdir()
    return Order(fold=0, seed=0, **paths)


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a run of a preset; keywords are `train`'s."""

    def build(
        preset: str = "knee_oa/compact_joint",
        target: Target = TWO,
        *,
        model: Any = None,
        augment: Any = None,
        **how: Any,
    ) -> TrainingRun:
        if not (tmp_path / "data").exists():
            write_knees(tmp_path, target)
        if model is None:
            model = SMALL if preset.endswith("compact_joint") else {}
        overrides = {"model": model, "train": {"epochs": 3, "batch_size": 8, **how}}
        recipe = small_recipe(
            tmp_path, target, preset=preset, augment=augment or STILL, **overrides
        )
        store, split = Store(tmp_path / "data/bones/store"), Path(recipe.split.path)
        parts = [
            read_part(split, store, target, part=part, fold=0, model=recipe.model)
            for part in ("train", "tune")
        ]
        return make_run(recipe, store, *parts)

    return build


@pytest.mark.parametrize("preset", presets("knee_oa"))
def test_every_preset_makes_a_step_at_its_published_size_and_predicts(tmp_path, preset):
    """With a sixteenth of VGG's filters: the published ones take a second a picture."""
    target = KL if preset.rpartition("/")[2] in ("kl_pretraining", "compact_kl") else TWO
    published = load_preset(preset, {}, where="", root=ROOT / "presets")
    write_knees(tmp_path, target, n=18, size=published.size, test=2)
    model = narrow(preset).model_dump()
    model |= {"trees": 5} if published.model.name == "boosting" else {}
    recipe = small_recipe(
        tmp_path, target, preset=preset, model=model, train={"max_steps": 1, "epochs": 1}
    )
    where = order(tmp_path)
    facts = train_run(where, recipe, lambda: False)
    assert facts["steps"] == 1
    assert len(where.history.read_text().splitlines()) == 2
    store, split = Store(Path(recipe.store.path)), Path(recipe.split.path)
    network = load_network(where.weights, recipe, store)
    assert read_about(where.weights)["parameters"] > 0
    cases = read_part(split, store, target, part="test", fold=0, model=recipe.model)
    table = predict_table(network, store, cases, recipe, part="test", device="cpu")
    scores = np.stack([table[name].to_numpy() for name in target.score_columns])
    np.testing.assert_allclose(scores.sum(axis=0), 1, atol=1e-5)
    assert scores.shape == (len(target.classes), 2)


def test_a_fusion_model_is_saved_with_what_it_learned_of_the_table(make, tmp_path):
    run = make()
    state = start(run, seed=0)
    encoder = state.network.model.encoder
    ages = run.train.entries[:, 0].astype(np.float64)
    assert encoder.fill[0].item() == pytest.approx(np.nanmean(ages))
    assert "model.encoder.fill" in state.network.state_dict()
    run.train.entries[:] = 0  # nothing is looked up again
    ours = infer(state.network, run.store, run.tune.rows, CPU, run.tune.entries)
    assert ours.shape == (len(run.tune), 1 + 5)
    other = infer(state.network, run.store, run.tune.rows, CPU, run.tune.entries + 1)
    assert not torch.equal(ours[:, 0], other[:, 0])
    assert torch.equal(ours[:, 1:], other[:, 1:]), "the picture is asked alone"


def test_scores_and_predictions_leave_the_auxiliary_task_out(make):
    run = make()
    state = start(run, seed=0)
    logits = infer_logits(state.network, run.store, run.tune.rows, CPU, run.tune.entries)
    assert logits.shape == (len(run.tune), 1)
    truth = torch.from_numpy(run.tune.targets)
    by_hand = F.binary_cross_entropy_with_logits(logits, truth).item()
    assert score_tune(run, state)["loss"] == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_the_auxiliary_loss_is_added_to_the_gradient(make, weight, pieces):
    """Both means are over their own known cases, of the whole batch however it is cut."""
    auxiliary = {"column": "kl", "classes": 5, "weight": weight}
    run = make(model={**SMALL, "dropout": 0.0, "auxiliary": auxiliary}, class_weights="none")
    chosen = torch.arange(9)
    targets, grades = run.train.targets.copy(), run.train.auxiliary.copy()
    targets[0], grades[1:4] = np.nan, np.nan
    part = dataclasses.replace(run.train, targets=targets, auxiliary=grades)
    run = dataclasses.replace(run, train=part)
    state = start(run, seed=0)
    state.network.eval()
    state.progress.pieces = pieces
    seen = batch_gradient(run, state, chosen, 1)
    found = [w.grad.clone() for w in state.network.parameters()]
    state.optimizer.zero_grad(set_to_none=True)

    state.network.model.eval()
    taken = torch.from_numpy(part.entries[:9])
    images = torch.from_numpy(run.store.pixels(part.rows[:9, 0])).permute(0, 3, 1, 2) / 255
    outputs = state.network.model((images - state.network.mean) / state.network.sd, taken)
    truth, known = torch.from_numpy(targets[:9]), torch.from_numpy(~np.isnan(grades[:9]))
    main = F.binary_cross_entropy_with_logits(outputs[1:, :1], truth[1:])
    classes = torch.from_numpy(grades[:9])[known].long()
    beside = F.cross_entropy(outputs[:, 1:][known], classes)
    (main + weight * beside).backward()
    assert seen.n_known == 8
    assert seen.loss.item() == pytest.approx(8 * main.item(), rel=1e-5)
    for ours, weights in zip(found, state.network.parameters(), strict=True):
        torch.testing.assert_close(ours, weights.grad, rtol=1e-4, atol=1e-6)


def test_a_batch_without_any_known_grade_learns_its_target(make):
    run = make()
    run.train.auxiliary[:] = np.nan
    state = start(run, seed=0)
    batch_gradient(run, state, torch.arange(8), 1)
    gradients = [w.grad for w in state.network.model.auxiliary.parameters()]
    assert all(torch.isfinite(w.grad).all() for w in state.network.parameters())
    assert all(not gradient.any() for gradient in gradients)


def test_stopping_anywhere_changes_no_bit_with_a_table(make, tmp_path):
    run = make(augment={"rotate": 10.0})
    states = {"saved": tmp_path / "a", "board": tmp_path / "board"}
    straight = train(run, seed=3, **states)
    calls, resumed = iter(range(100)), None
    while resumed is None:
        with contextlib.suppress(StoppedError):
            resumed = train(
                run,
                seed=3,
                saved=tmp_path / "b",
                board=tmp_path / "board",
                stop=lambda: next(calls) % 3 == 2,
            )
    same(straight, resumed)


def test_the_table_is_learned_where_it_decides(make, tmp_path):
    """The target is whether age lies above its median; noise of 16 pixels says nothing."""
    run = make("knee_oa/table_floor", epochs=20, class_weights="none", telemetry=True)
    for part in (run.train, run.tune):
        ages = np.nan_to_num(part.entries[:, 0], nan=62.0)
        part.targets[:, 0] = ages > 62
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    assert state.progress.best.best > 0.95
    assert state.progress.history[-1]["train_loss"] < 0.6 < np.log(2)


# --- fitted at once ----------------------------------------------------------------


def boost(make: Any, *, target: Target = TWO, model: Any = None, **how: Any) -> TrainingRun:
    small = {"trees": 10, **(model or {})}
    run: TrainingRun = make("knee_oa/boosting", target, model=small, sampler="shuffle", **how)
    return run


def test_boosting_is_a_run_of_one_epoch_with_the_same_bytes(make, tmp_path):
    recipe = boost(make, model={"subsample": 0.5}).recipe
    files = []
    for name in ("a", "b"):
        where = order(tmp_path, name)
        train_run(where, recipe, lambda: False)
        files.append((where.weights.read_bytes(), where.history.read_text()))
        assert not where.state.exists()
    assert files[0] == files[1]
    header, row = files[0][1].splitlines()
    assert header.split(",")[:4] == ["epoch", "lr", "train_loss", "tune_loss"]
    assert row.startswith("1,")


def test_boosting_finds_what_decides(make):
    run = boost(make, model={"trees": 30})
    for part in (run.train, run.tune):
        part.targets[:, 0] = np.nan_to_num(part.entries[:, 0], nan=62.0) > 62
    fitted = fit(run, seed=0)
    (row,) = fitted.progress.history
    assert row["tune_auc"] > 0.9
    assert row["train_loss"] < 0.2
    assert fitted.progress.best.best == row["tune_auc"]


def test_balanced_weights_move_the_odds_to_one_half(make):
    """Without an informative column the first guess is the weighted share of the present."""
    said = []
    for how in ("none", "balanced"):
        run = boost(make, model={"trees": 1, "learning_rate": 1e-9}, class_weights=how)
        run.train.targets[:, 0] = np.arange(len(run.train)) % 4 == 0
        fitted = fit(run, seed=0)
        logits = infer_logits(fitted.network, run.store, run.tune.rows, CPU, run.tune.entries)
        said.append(torch.sigmoid(logits).mean().item())
    present = np.mean(np.arange(len(run.train)) % 4 == 0)
    assert said == pytest.approx([present, 0.5], abs=1e-6)


def test_grades_are_boosted_as_classes(make):
    run = boost(make, target=KL)
    fitted = fit(run, seed=0)
    assert fitted.network.model.trees.value.shape == (10, 5, 8)
    assert fitted.progress.history[0]["tune_auc"] > 0.95, "the grade is among the factors"


def test_what_boosting_cannot_be_fitted_to_is_refused(make):
    run = boost(make, target=KL, loss="binary-cross-entropy")
    with pytest.raises(ConfigError, match=r"train\.loss 'binary-cross-entropy'"):
        fit(run, seed=0)
    several = dataclasses.replace(run, recipe=run.recipe.model_copy(update={"target": LABELS}))
    with pytest.raises(ConfigError, match=r"takes one class a case .* the target is multi-label"):
        fit(several, seed=0)
    run = boost(make, target=KL)
    run.train.targets[run.train.targets > 2] = 0
    with pytest.raises(DataError, match="the train part has no case of 3, 4"):
        fit(run, seed=0)


def test_boosting_learns_nothing_of_what_is_uncertain(make):
    run = boost(make, target=TWO, uncertain={"learn_as": "ones"})
    unsure = np.zeros(run.train.targets.shape, dtype=bool)
    taught = dataclasses.replace(run.train, taught=Lessons(run.train.targets, unsure))
    with pytest.raises(ConfigError, match="is fitted in one go, on cases whose class is known"):
        fit(dataclasses.replace(run, train=taught), seed=0)

"""DVC's experiments, with the scores of every variant."""

import json

import pytest

from radpipe.engines.commands import run_command
from radpipe.engines.experiments import layout, numbers_at, read_experiments

SCORE = {"auc": 0.9128, "auc_low": 0.8883, "auc_high": 0.9356}


def state(rev, *, name=None, lr=0.1, experiments=None, error=None, **scores):
    """Return one state as `dvc exp show --json` prints it (DVC 3.67), and variants' scores."""
    data = {
        "rev": rev,
        "params": {"params.yaml": {"data": {"variants": {"bones-v1": {"train": {"lr": lr}}}}}},
    }
    return {
        "rev": rev,
        "name": name,
        "data": None if error else data,
        "error": error,
        "experiments": experiments,
        "scores": scores,
    }


def shown(*states, width=120):
    below = [one for top in states for group in top["experiments"] or () for one in group["revs"]]
    scores = {one["rev"]: one["scores"] for one in [*states, *below]}
    rows = read_experiments(json.dumps(states), scores.__getitem__)
    return layout(rows, width).splitlines()


def test_an_experiment_stands_below_its_commit_with_what_it_changed():
    faster = state("b" * 40, name="faster", lr=0.2, **{"bones-v1": {**SCORE, "auc": 0.5}})
    lines = shown(
        state("workspace", lr=0.3, **{"bones-v1": SCORE}),
        state("a" * 40, name="main", experiments=[{"revs": [faster]}], **{"bones-v1": SCORE}),
    )
    assert lines == [
        "experiment  v1",
        "workspace   0.913 [0.888, 0.936]",
        "            variants.bones-v1.train.lr: 0.1 -> 0.3",
        "main        0.913 [0.888, 0.936]",
        "  faster    0.500 [0.888, 0.936]",
        "            variants.bones-v1.train.lr: 0.1 -> 0.2",
    ]


@pytest.mark.parametrize(("width", "n_shown"), [(120, 5), (80, 3), (20, 1)])
def test_variants_fill_the_screen_best_first(width, n_shown):
    """A score takes 22 columns; whoever finds no room is named below."""
    scores = {f"bones-{k}": {**SCORE, "auc": 0.5 + 0.01 * k} for k in range(10)}
    lines = shown(state("workspace"), state("a" * 40, **scores), width=width)
    assert lines[0].split() == ["experiment", *(str(9 - k) for k in range(n_shown))]
    assert lines[-1].startswith("no room for: bones-")
    assert all(len(line) <= max(width, 40) for line in lines[:-1])


def test_what_was_not_scored_is_a_dash():
    lines = shown(
        state("workspace", **{"bones-v1": SCORE, "knee-v1": SCORE}), state("a" * 40, name="old")
    )
    assert lines[0].split() == ["experiment", "bones-v1", "knee-v1"]
    assert lines[2].split() == ["old", "-", "-"]


def test_a_state_that_dvc_cannot_read_says_so():
    lines = shown(state("workspace"), state("a" * 40, error={"msg": "no such file", "type": "E"}))
    assert "failed: no such file" in lines[-1]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("failed", "failed: Experiment run failed; what it said: dvc queue logs slow"),
        ("queued", "queued; dvc queue start begins"),
        ("running", "running"),
    ],
)
def test_what_has_not_ended_well_has_no_scores_of_its_own(how, said):
    """DVC 3.67 gives it the metrics of the commit that it was started from."""
    error = {"msg": "Experiment run failed", "type": ""} if how == "failed" else None
    waiting = {**state("b" * 40, name="slow", lr=0.2, **{"bones-v1": SCORE}), "error": error}
    group = {"revs": [waiting], "executor": {"state": how, "name": None}}
    done = {"revs": [state("c" * 40, name="done", lr=0.3, **{"bones-v1": SCORE})]}
    lines = shown(
        state("workspace", **{"bones-v1": SCORE}),
        state("a" * 40, name="main", experiments=[group, done], **{"bones-v1": SCORE}),
    )
    assert lines[3:] == [
        "  slow      -",
        f"            {said}",
        "            variants.bones-v1.train.lr: 0.1 -> 0.2",
        "  done      0.913 [0.888, 0.936]",
        "            variants.bones-v1.train.lr: 0.1 -> 0.3",
    ]


def test_every_study_has_a_table_of_its_own():
    """And there only what concerns it: the other's settings change nothing in it."""

    def both(rev, lr, side):
        found = state(rev, lr=lr, **{"bones-v1": SCORE, "knee-v1": SCORE})
        settings = found["data"]["params"]["params.yaml"]["data"]
        settings["variants"]["bones-v1"]["study"] = "bones"
        settings["variants"]["knee-v1"] = {"study": "knee_mri"}
        settings["studies"] = {"knee_mri": {"image": {"side": side}}}
        settings["evaluation"] = {"bootstrap": 100 * side}
        return found

    assert shown(both("workspace", 0.3, 64), both("a" * 40, 0.1, 32)) == [
        "bones      v1",
        "workspace  0.913 [0.888, 0.936]",
        "           variants.bones-v1.train.lr: 0.1 -> 0.3",
        "           evaluation.bootstrap: 3200 -> 6400",
        "aaaaaaa    0.913 [0.888, 0.936]",
        "",
        "knee_mri   v1",
        "workspace  0.913 [0.888, 0.936]",
        "           studies.knee_mri.image.side: 32 -> 64",
        "           evaluation.bootstrap: 3200 -> 6400",
        "aaaaaaa    0.913 [0.888, 0.936]",
    ]


def test_scores_are_those_of_the_revision(tmp_path, monkeypatch):
    """Also in a project below the top of its Git repository."""
    project = tmp_path / "study"
    (project / "results").mkdir(parents=True)
    monkeypatch.chdir(project)
    git = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.org")
    (project / "results/variants.json").write_text(json.dumps({"bones-v1": SCORE}))
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "start")):
        assert run_command(*git, *command).returncode == 0
    (project / "results/variants.json").write_text("{}")
    assert numbers_at("HEAD") == {"bones-v1": SCORE}
    assert numbers_at("workspace") == {}
    (project / "results/variants.json").unlink()
    assert numbers_at("workspace") == numbers_at("no-such-revision") == {}

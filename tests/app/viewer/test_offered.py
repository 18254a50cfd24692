"""Which models are offered, and what is left out with a reason."""

import shutil

from radpipe.app.viewer.offered import offered
from radpipe.prediction.description import DESCRIPTION


def test_exported_folders_come_first_and_then_runs(inside, pictures):
    models, problems = offered([pictures.folder])
    assert [each.in_project for each in models] == [False, True]
    assert [each.title for each in models] == [
        "bones-x, fold 0, seed 0 (exported)",
        "bones-x, fold 0, seed 0",
    ]
    assert problems == []
    assert models[1].asked()["shared"].endswith("data/study")
    assert models[0].asked()["shared"] is None


def test_what_is_not_whole_is_left_out(tmp_path, pictures):
    copy = tmp_path / "results/runs/a/fold-0-seed-0"
    shutil.copytree(pictures.folder, copy)
    (copy / "weights.safetensors").unlink()
    broken = tmp_path / "results/runs/b/fold-0-seed-0"
    broken.mkdir(parents=True)
    (broken / DESCRIPTION).write_text("{}")
    models, problems = offered([tmp_path / "nowhere"], tmp_path / "results/runs")
    assert models == []
    assert [text.rpartition(": ")[2].split()[0] for text in problems] == [
        "missing.",
        "weights.safetensors",
        "of",
    ]

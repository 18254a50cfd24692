"""Counting parameters from the header of a weights file."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from radpipe.core.errors import DataError
from radpipe.evaluation.weights import borrowed_by, count_lineage, count_parameters, seen_of


def test_learnt_numbers_are_counted(tmp_path):
    """A 3 x 2 matrix, 3 biases, and what batch normalisation keeps (not learnt)."""
    tensors = {
        "layer.weight": np.zeros((3, 2), np.float32),
        "layer.bias": np.zeros(3, np.float32),
        "norm.running_mean": np.zeros(3, np.float32),
        "norm.num_batches_tracked": np.zeros((), np.int64),
    }
    save_file(tensors, tmp_path / "w.safetensors", metadata={"format": "pt"})
    assert count_parameters(tmp_path / "w.safetensors") == 9
    save_file(tensors, tmp_path / "w.safetensors", metadata={"radpipe": '{"parameters": 7}'})
    assert count_parameters(tmp_path / "w.safetensors") == 7


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\2\0\0\0\0\0\0\0[]"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a safetensors file"):
        count_parameters(path)
    with pytest.raises(DataError, match="not a safetensors file"):
        count_lineage(path)


def test_runs_before_are_told_without_their_patients(tmp_path):
    def run(variant, patients):
        return {
            **{"variant": variant, "fold": 1, "seed": 0, "recipe": "00", "model": "vgg"},
            **{"gradients": patients, "stopping": ["ee"]},
        }

    facts = {"lineage": [run("grades", ["aa", "bb"]), run("film", ["cc"]), run("joint", ["dd"])]}
    path = tmp_path / "w.safetensors"
    save_file({"w": np.zeros(1)}, path, metadata={"radpipe": json.dumps(facts)})
    assert count_lineage(path) == [
        {"variant": "grades", "fold": 1, "seed": 0, "n_patients": 2},
        {"variant": "film", "fold": 1, "seed": 0, "n_patients": 1},
    ]
    save_file({"w": np.zeros(1)}, path)
    assert count_lineage(path) == []
    save_file({"w": np.zeros(1)}, path, metadata={"radpipe": '{"lineage": [{}, {}]}'})
    with pytest.raises(DataError, match="not a safetensors file"):
        count_lineage(path)


def outside(start, *, tune=0, **learned_from):
    """Return what a run says of weights that others learned: data set to its list, or None."""
    blocks = [{"data_set": name, "list": found} for name, found in learned_from.items()]
    return {
        **{"start": start, "function": "torchvision/vgg16", "tensors": "00", "tune": tune},
        "learned_from": blocks,
    }


def test_weights_of_others_are_told_once_with_the_most_that_they_have_seen(tmp_path):
    paths = [tmp_path / f"{fold}.safetensors" for fold in range(3)]
    for path, tune in zip(paths, (0, 4, 2), strict=True):
        facts = {"borrowed": [outside("vgg16", tune=tune, imagenet=None)]}
        save_file({"w": np.zeros(1)}, path, metadata={"radpipe": json.dumps(facts)})
    (found,) = borrowed_by(paths)
    assert (found["start"], found["tune"]) == ("vgg16", 4)
    assert found["learned_from"] == [{"data_set": "imagenet", "list": None}]
    save_file({"w": np.zeros(1)}, paths[0])
    assert borrowed_by(paths[:1]) == []
    save_file({"w": np.zeros(1)}, paths[0], metadata={"radpipe": '{"borrowed": [{}]}'})
    with pytest.raises(DataError, match="not a safetensors file"):
        borrowed_by(paths[:1])


BOTH = outside("a", mura=None), outside("b", tune=1, bones=None)
LISTED = {"sha256": "00", "names": "images", "count": 3}


@pytest.mark.parametrize(
    ("starts", "seen"),
    [
        ([], ""),
        ([outside("a", imagenet=None)], ""),
        ([outside("a", imagenet=None, MURA=None)], "MURA"),
        # A list says more than a name.
        ([outside("a", mura=LISTED)], ""),
        ([outside("a", mura=LISTED, tune=2)], "tune, by a list"),
        (
            [outside("a", mura=None), outside("b", tune=1, bones=None)],
            "mura; bones; tune, by a list",
        ),
    ],
)
def test_what_a_start_has_seen_of_a_study(starts, seen):
    assert seen_of({"recipe": {"borrowed": starts}}, ["bones", "Mura"]) == seen
    assert seen_of({"recipe": {}}, ["bones"]) == ""

"""Counting parameters from the header of a weights file."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from radpipe.core.errors import DataError
from radpipe.evaluation.weights import count_lineage, count_parameters


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

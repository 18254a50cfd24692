"""Counting parameters from the header of a weights file."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from radpipe.core.errors import DataError
from radpipe.evaluation.weights import count_parameters


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

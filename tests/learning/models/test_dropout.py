"""Dropout that does not ask who made the processor."""

import pytest
import torch
from torch import nn

from radpipe.learning.models.dropout import Dropout, drop_everywhere_alike


def test_the_mask_is_drawn_with_torchs_own_generator():
    """Kept where torch's generator says so; torch itself draws with MKL's on Intel's processors."""
    layer, x = Dropout(0.3), torch.rand(1000)
    torch.manual_seed(1)
    found = layer(x)
    torch.manual_seed(1)
    kept = torch.empty(1000, dtype=torch.float64).uniform_() < 0.7
    assert torch.equal(found != 0, kept)
    assert torch.allclose(found[kept], x[kept] / 0.7)
    # Known before, so that a processor whose masks are others is found.
    assert kept[:12].tolist() == KEPT


KEPT = [True, True, True, True, True, True, True, False, True, True, True, True]


def test_gradients_flow_where_values_were_kept():
    x = torch.rand(50, requires_grad=True)
    Dropout(0.5)(x).sum().backward()
    assert set(x.grad.tolist()) == {0.0, 2.0}


def test_nothing_is_dropped_outside_training():
    x = torch.rand(9)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)


def test_every_layer_of_a_network_is_replaced():
    model = nn.Sequential(nn.Dropout(0.1), nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.4)))
    drop_everywhere_alike(model)
    assert [m.p for m in model.modules() if type(m) is Dropout] == [0.1, 0.4]


def test_another_kind_of_dropout_is_refused():
    with pytest.raises(TypeError, match="Dropout2d drops otherwise on Intel's processors"):
        drop_everywhere_alike(nn.Sequential(nn.Dropout2d(0.1)))

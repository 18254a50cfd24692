"""LIME: the regression by hand, the shares of a linear network, seeds."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import pairwise_distances

from radpipe.core.errors import ConfigError
from radpipe.explaining.explain import explain, seed_of
from radpipe.explaining.methods import read_method
from radpipe.explaining.methods.lime import LimeSettings, Slic, closeness, cut_up, fit
from tests.explaining.made import Noise, material_of, member_of, pixels_of

COMPACT = {"name": "compact", "widths": [4, 8]}
SHIFT = {"kind": "quickshift", "kernel": 2, "max_distance": 4}
FEW = {"kind": "slic", "segments": 9}


def drawn(member, material, labels, seed=0, **how):
    method = read_method({"name": "lime", "superpixels": FEW, "samples": 100, **how})
    return explain([member], material, how=method, labels=labels, seed=seed)


@pytest.mark.parametrize("ridge", [0.0, 1.0])
def test_the_regression_is_scikit_learns(ridge):
    rng = np.random.default_rng(0)
    on, answers = rng.integers(0, 2, (60, 7)).astype(bool), rng.normal(size=60)
    weights = closeness(on, 0.25)
    model = Ridge(alpha=ridge) if ridge else LinearRegression()
    theirs = model.fit(on, answers, sample_weight=weights).coef_
    np.testing.assert_allclose(fit(on, answers, weights, ridge), theirs, rtol=1e-9)


def test_weights_are_those_of_the_published_kernel():
    """Square root of exp(-(d / width)^2), d the cosine distance from a copy that keeps all."""
    on = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]], bool)
    distance = pairwise_distances(on, on[:1], metric="cosine").ravel()
    np.testing.assert_allclose(closeness(on, 0.25), np.sqrt(np.exp(-((distance / 0.25) ** 2))))
    assert closeness(on, 0.25)[0] == 1


@pytest.mark.parametrize(
    "superpixels", [FEW, {"kind": "quickshift", "kernel": 2, "max_distance": 4}]
)
def test_of_a_linear_network_every_piece_has_its_share(superpixels):
    """Hidden black, a piece takes away the sum of its pixels times their weights."""
    member, material = member_of({"name": "floor", "grid": 32}), material_of(1)
    how = {"superpixels": superpixels, "ridge": 0.0, "of": "logit"}
    one = drawn(member, material, [[1]], samples=900, **how)[0]
    weight = member.network.model[2].weight[1].detach().numpy().reshape(32, 32)
    share = pixels_of(member, material)[0, 0].numpy() / 0.3 * weight
    settings = LimeSettings.model_validate({"superpixels": superpixels}).superpixels
    batch = material.batch(member, [0])
    (pieces,) = cut_up(batch, settings, 0)
    assert 4 < pieces.max() < 400
    for k in range(pieces.max() + 1):
        drawn_there = one.views["image"][pieces == k]
        np.testing.assert_allclose(drawn_there, share[pieces[0] == k].sum(), atol=2e-4)


def test_a_seed_is_a_recipe():
    member, material = member_of(COMPACT), material_of(2)
    first, again = (drawn(member, material, [[0, 2], [1]], seed=3) for _ in range(2))
    other = drawn(member, material, [[0, 2], [1]], seed=4)
    alone = drawn(member, material_of(1), [[2]], seed=3)[0]
    for one, two, three in zip(first, again, other, strict=True):
        assert one.views["image"].tobytes() == two.views["image"].tobytes()
        assert one.views["image"].tobytes() != three.views["image"].tobytes()
    assert alone.views["image"].tobytes() == first[1].views["image"].tobytes()


def test_the_published_form_puts_a_softmax_over_sigmoids():
    """By hand, from the same copies: what the package is given, then the regression."""
    member, material = member_of(COMPACT), material_of(1)
    batch = material.batch(member, [0])
    (pieces,) = cut_up(batch, Slic.model_validate(FEW), 0)
    ours = drawn(member, material, [[1]], of="softmax-of-sigmoids", samples=50)[0]
    on = (
        np.random.default_rng(seed_of(0, "case-0"))
        .integers(0, 2, (50, pieces.max() + 1))
        .astype(bool)
    )
    on[0] = True
    with torch.no_grad():
        copies = torch.stack([batch.views[0][0] * torch.from_numpy(row[pieces[0]]) for row in on])
        said = member.network(type(batch)((copies,), ((1,) * 50,))).sigmoid().softmax(1)[:, 1]
    theirs = Ridge(alpha=1.0).fit(on, said.numpy(), sample_weight=closeness(on, 0.25)).coef_
    np.testing.assert_allclose(ours.views["image"], theirs[pieces], atol=1e-5)


def test_only_the_largest_pieces_are_drawn_on_demand():
    one = drawn(member_of(COMPACT), material_of(1), [[0]], features=2)[0]
    assert len(np.unique(one.views["image"])) == 3


def test_hiding_a_piece_by_its_own_mean_changes_nothing_of_a_flat_picture():
    class Flat(Noise):
        def pixels(self, rows):
            return np.full_like(super().pixels(rows), 99)

    one = drawn(member_of(COMPACT), material_of(1, Flat()), [[0]], fill="segment")[0]
    np.testing.assert_allclose(one.views["image"], 0, atol=1e-6)


def test_volumes_are_cut_into_pieces_of_several_slices():
    trunk = {"kind": "residual", "widths": [4, 8]}
    member = member_of({"name": "exam", "trunk": trunk}, views=2, volumes=True)
    material = material_of(1, Noise(["axial", "coronal"], volumes=True))
    one = drawn(member, material, [[0]], samples=20)[0]
    assert one.views["coronal"].shape == (4, 32, 32)
    with pytest.raises(ConfigError, match=r"quickshift cuts pictures.*3 slices; use slic"):
        drawn(member, material, [[0]], superpixels={"kind": "quickshift"})

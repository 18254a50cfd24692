"""Heads on features: against scikit-learn, and against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from radpipe.core.settings import ModelChoice
from radpipe.learning.models import build_empty, build_model, n_parameters, takes_features
from radpipe.learning.models.covariates import fit_table
from radpipe.learning.models.heads import Standard

RNG = np.random.default_rng(3)
FEATURES = RNG.normal(2.0, [1.0, 5.0, 0.1], (60, 3)).astype(np.float32)
GRADES = ((FEATURES[:, 1] > 2).astype(np.int64) + (FEATURES[:, 0] > 2) + RNG.integers(0, 2, 60)) % 3


def head(name, n_outputs=1, n_features=3, **settings):
    choice = ModelChoice.model_validate({"name": name, **settings})
    assert takes_features(choice)
    return build_model(choice, n_channels=n_features, n_outputs=n_outputs, size=8)


def fitted(name, truth, features=FEATURES, weights=None, **settings):
    model = head(name, n_features=features.shape[1], **settings)
    fit_table(model, features)
    model.fit(features, truth, weights, seed=0)
    return model.eval()


@pytest.mark.parametrize(("hidden", "by_hand"), [([], 5 * 2 + 2), ([4], 5 * 4 + 4 + 4 * 2 + 2)])
def test_layers_have_the_size_that_was_worked_out(hidden, by_hand):
    model = head("head", 2, 5, hidden=hidden)
    # Mean and SD of the features count as Keras counts those of norms.
    assert n_parameters(model) == by_hand + 2 * 5
    assert model(torch.zeros(7, 5)).shape == (7, 2)


def test_tiny_features_are_no_constants():
    """Those of EfficientNet-Lite0 with weights at random have an SD of 1e-9."""
    features = np.array([[1.0, 1e9], [2.0, 1e9], [4.0, 1e9]], dtype=np.float32)
    tiny, large = Standard(2), Standard(2)
    tiny.fit(features * np.float32(1e-9))
    large.fit(features)
    ours = tiny(torch.from_numpy(features * np.float32(1e-9)))
    assert torch.allclose(ours, large(torch.from_numpy(features)), atol=1e-5)
    assert ours[:, 0].std(correction=0) == pytest.approx(1.0, abs=1e-5)
    assert not ours[:, 1].any()


def test_features_come_to_mean_0_and_sd_1_and_a_constant_one_to_0():
    standard = Standard(2)
    standard.fit(np.array([[1.0, 4.0], [3.0, 4.0]], np.float32))
    assert standard(torch.tensor([[1.0, 4.0], [4.0, 4.5]])).tolist() == [[-1.0, 0.0], [2.0, 0.5]]


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 2, 60, dtype=np.float32)])
@pytest.mark.parametrize("strength", [0.01, 10.0])
@pytest.mark.parametrize(
    ("truth", "outputs"), [((GRADES > 0).astype(np.int64), 1), (GRADES, 3)], ids=["two", "three"]
)
def test_logistic_regression_finds_what_scikit_learn_finds(truth, outputs, strength, weights):
    model = fitted("logistic", truth, weights=weights, n_outputs=outputs, strength=strength)
    inputs = model.encoder(torch.from_numpy(FEATURES)).double().numpy()
    theirs = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000)
    theirs.fit(inputs, truth, sample_weight=weights)
    with torch.no_grad():
        logits = model(torch.from_numpy(FEATURES))
    said = logits.sigmoid()[:, 0] if outputs == 1 else logits.softmax(1)
    wanted = theirs.predict_proba(inputs)
    assert np.allclose(said, wanted[:, 1] if outputs == 1 else wanted, atol=1e-5)


def test_labels_are_fitted_each_on_the_cases_where_it_is_known():
    labels = np.stack([GRADES > 0, GRADES > 1], axis=1).astype(np.float32)
    labels[:20, 1] = np.nan
    both = fitted("logistic", labels, n_outputs=2, strength=0.1)
    first = fitted("logistic", (GRADES > 0).astype(np.int64), strength=0.1)
    assert torch.allclose(both.last.weight[0], first.last.weight[0], atol=1e-5)
    inputs = both.encoder(torch.from_numpy(FEATURES)).double().numpy()[20:]
    theirs = LogisticRegression(C=0.1, tol=1e-10).fit(inputs, labels[20:, 1])
    assert np.allclose(both.last.weight[1].detach(), theirs.coef_[0], atol=1e-4)


# Directions of three cases of the train part, brought to mean 0 and SD 1 already.
EAST, WEST = [1.0, 1.0], [-1.0, -1.0]
KNOWN = np.array([EAST, EAST, WEST, WEST], np.float32)


def test_two_neighbours_vote_equally():
    model = fitted(
        "neighbours", np.array([1, 0, 0, 0]), KNOWN, n_outputs=1, neighbours=2, votes="equal"
    )
    said = model(torch.tensor([EAST, WEST]))
    # One of two for, and none of two, each with half a vote more for and against.
    assert said[:, 0].tolist() == pytest.approx([math.log(1.5 / 1.5), math.log(0.5 / 2.5)])


def test_votes_by_similarity_fall_with_the_angle():
    """Cosines 1 and 0: votes 1 and exp(-1/T), which sum to 2."""
    features = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], np.float32)
    model = fitted(
        "neighbours", np.array([0, 1, 1, 1]), features, n_outputs=1, neighbours=3, temperature=0.5
    )
    far = math.exp(-2.0)
    near, others = 3 / (1 + 2 * far), 3 * 2 * far / (1 + 2 * far)
    said = model(torch.tensor([[2.0, 2.0]]))
    assert said.item() == pytest.approx(math.log((others + 0.5) / (near + 0.5)), abs=1e-5)


def test_of_several_classes_shares_add_up_and_unknown_labels_do_not_vote():
    model = fitted(
        "neighbours", np.array([0, 1, 2, 2]), KNOWN, n_outputs=3, neighbours=2, votes="equal"
    )
    said = model(torch.tensor([EAST])).softmax(1)
    assert said[0].tolist() == pytest.approx([1.5 / 3.5, 1.5 / 3.5, 0.5 / 3.5])
    labels = np.array([[1, np.nan], [0, 1], [0, 0], [0, 0]], np.float32)
    said = fitted("neighbours", labels, KNOWN, n_outputs=2, neighbours=2, votes="equal")
    assert said(torch.tensor([EAST]))[0].tolist() == pytest.approx([0.0, math.log(1.5 / 0.5)])


def test_what_was_remembered_is_read_back():
    model = fitted("neighbours", GRADES, n_outputs=3)
    choice = ModelChoice.model_validate({"name": "neighbours"})
    empty = build_empty(choice, n_channels=3, n_outputs=3, size=8)
    empty.load_state_dict(model.state_dict(), assign=True)
    with torch.no_grad():
        few = torch.from_numpy(FEATURES[:5])
        assert torch.equal(empty.eval()(few), model(few))

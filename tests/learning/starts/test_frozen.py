"""Frozen networks: their start, their layers, their passes, and what they have seen."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import write_json
from radpipe.core.hashes import Hashes
from radpipe.core.recipe import make_backbone_recipe
from radpipe.core.settings import Augmentation, Features, ModelChoice
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import Batch, read_part
from radpipe.learning.data.features import FeatureStore
from radpipe.learning.models import build_model
from radpipe.learning.models.base import Part
from radpipe.learning.networks.network import read_about
from radpipe.learning.runs.one_run import train_run
from radpipe.learning.starts import borrowing
from radpipe.learning.starts.frozen import _changed, make_backbone, write_features
from radpipe.learning.starts.obtaining import obtain
from radpipe.learning.training.run import make_run
from tests.learning.starts.conftest import borrowed_of
from tests.learning.training.test_train_tables import order
from tests.small_study import ROOT, TWO, recipe_of, small_recipe, write_study

CPU = torch.device("cpu")
COMPACT = {"name": "compact", "widths": [4, 8]}
BLOCK = {
    "study": "bones",
    "store": "data/bones/store",
    "weights": "weights/random.json",
    "remote": None,
    "model": COMPACT,
    "normalize": "unit",
}


@pytest.fixture
def frozen(tmp_path):
    """Return a function that makes features of a small study, and opens them."""
    write_study(tmp_path, TWO)

    def make(name="drawn", weights=ROOT / "weights/random.json", **block):
        where = {"store": str(tmp_path / "data/bones/store"), "weights": str(weights)}
        given = Features.model_validate({**BLOCK, **where, **block})
        recipe = make_backbone_recipe(name, given, Hashes())
        store = Store(tmp_path / "data/bones/store")
        made = make_backbone(recipe, n_channels=1, n_views=1, volumes=False)
        out = tmp_path / "data/bones/features" / name
        out.mkdir(parents=True)
        write_features(out, recipe, store, made, CPU)
        return FeatureStore(out)

    return make


def head(root, features, preset="heads/linear", **overrides):
    split = root / "data/bones/split.parquet"
    return recipe_of(TWO, features.path, split, preset=preset, **overrides)


def parts(recipe, features):
    split = features.path.parents[1] / "split.parquet"
    return [
        read_part(split, features, TWO, part=part, fold=0, model=recipe.model)
        for part in ("train", "tune")
    ]


def trained(root, recipe, name="run"):
    """Train a run; return its order."""
    mine = order(root, name)
    train_run(mine, recipe, lambda: False)
    return mine


def test_equal_recipes_give_equal_features_and_another_seed_others(frozen):
    first, same, other = frozen(), frozen("same"), frozen("other", seed=1)
    files = [(each.path / "pass-00.npy").read_bytes() for each in (first, same, other)]
    assert files[0] == files[1] != files[2]
    assert first.frozen.sha256 == same.frozen.sha256 != other.frozen.sha256
    assert first.cases == Store(first.path.parents[1] / "store").cases
    assert not list(first.path.glob("*.safetensors"))


def test_the_first_pass_is_of_pictures_as_they_are(frozen):
    once = frozen()
    still = {"scale": (1.0, 1.0)}
    twice = frozen("twice", passes=3, augment={**still, "brightness": (0.5, 0.5)})
    cases = once.cases
    assert np.array_equal(once.features(cases)[0], twice.features(cases)[0])
    changed = twice.features(cases)
    assert changed.shape == (3, 48, 16)
    # The same change in both passes, and another picture than the first.
    assert np.allclose(changed[1], changed[2])
    assert not np.allclose(changed[0], changed[1])


def test_a_pass_may_look_at_every_second_slice():
    """Of two volumes, of which the second lacks a view; one slice is never left out."""
    batch = Batch((torch.rand(7, 1, 4, 4), torch.rand(1, 1, 4, 4)), ((4, 3), (1, 0)))
    changed = _changed(Augmentation(slice_step=2), torch.Generator().manual_seed(0), batch)
    assert changed.counts[0] in {(2, 2), (2, 1)}
    assert changed.counts[1] == (1, 0)
    assert [len(view) for view in changed.views] == list(map(sum, changed.counts))


def test_heads_learn_from_a_pass_that_is_drawn_and_are_judged_on_the_first(frozen, tmp_path):
    features = frozen(passes=3, augment={"rotate": 20.0})
    recipe = head(tmp_path, features)
    train, tune = parts(recipe, features)
    assert tune.changed is None
    which = np.arange(len(train)).repeat(20)
    drawn = train.draw_entries(which, slice(None), torch.Generator().manual_seed(0))
    passes = features.features(train.table["case"].to_pylist())
    from_pass = [(drawn == each[which]).all(axis=1) for each in passes]
    assert np.sum(from_pass, axis=0).min() == 1
    assert all(0.2 < each.mean() < 0.47 for each in from_pass)
    # Each process draws for the whole batch, and takes its share.
    half = train.draw_entries(which, slice(7, 300), torch.Generator().manual_seed(0))
    assert np.array_equal(half, drawn[7:300])
    about = read_about(trained(tmp_path, recipe).weights)
    assert len(about["lineage"]) == 1


def test_a_run_gives_its_weights_its_normalisation_and_its_lineage(frozen, tmp_path):
    source = small_recipe(tmp_path, TWO, model={"widths": [4, 8]}, train={"epochs": 1})
    mine = trained(tmp_path, source, "source")
    features = frozen(weights=mine.weights, normalize="start")
    about = features.frozen
    assert about.mean[0] == pytest.approx(read_run_mean(mine.weights))
    assert [each["variant"] for each in about.lineage] == ["bones-x"]
    recipe = head(tmp_path, features, "heads/logistic")
    found = read_about(trained(tmp_path, recipe).weights)["lineage"]
    assert [each["model"] for each in found] == ["compact", "logistic"]


def read_run_mean(weights):
    return load_file(weights)["mean"].item()


def test_features_of_a_run_that_has_learned_from_the_judges_are_refused(frozen, tmp_path):
    """The run of fold 1 has learned from the patients of fold 0's tune."""
    source = small_recipe(tmp_path, TWO, model={"widths": [4, 8]}, train={"epochs": 1})
    mine = order(tmp_path, "source")
    other = type(mine)(**{**vars(mine), "fold": 1})
    train_run(other, source, lambda: False)
    features = frozen(weights=other.weights, normalize="start")
    recipe = head(tmp_path, features)
    with pytest.raises(ConfigError, match=r"bones-x \(fold 1, seed 0\) learned from \d+ of the"):
        make_run(recipe, features, *parts(recipe, features))


@pytest.fixture
def published(describe, tmp_path, monkeypatch, in_process):
    """Return a function that has weights of the small network as others publish them."""
    part = Part("toy/compact", own=("6.",))
    monkeypatch.setattr(borrowing, "parts_of", lambda model: {"": part})

    def make(**fields):
        shape = {"n_channels": 1, "n_outputs": 2, "size": 16}
        own = build_model(ModelChoice.model_validate(COMPACT), **shape).state_dict()
        tensors = {name: value for name, value in own.items() if not name.startswith("6.")}
        torch.save({**tensors, "fc.weight": torch.zeros(2)}, tmp_path / "site/a.pth")
        descriptor = describe("a.pth", library="toy", implementation="compact", **fields)
        found = borrowed_of(descriptor, obtain(descriptor)[1])
        path = tmp_path / "results/starts/toy/start.json"
        write_json(path, found.model_dump(mode="json"))
        return path, tensors

    return make


def test_what_a_published_start_has_seen_reaches_the_head(frozen, published, tmp_path):
    path, tensors = published(learned_from=[{"data_set": "Bones"}])
    features = frozen(weights=path, normalize="start")
    assert features.frozen.mean == [pytest.approx((0.485 + 0.456 + 0.406) / 3)]
    recipe = head(tmp_path, features)
    about = read_about(trained(tmp_path, recipe).weights)
    (seen,) = about["borrowed"]
    assert (seen["start"], seen["learned_from"][0]["data_set"]) == ("toy", "Bones")
    assert tensors


def test_layers_that_would_stay_at_random_are_refused(frozen, published, monkeypatch):
    """Of a dense layer behind the published part nobody would ever train a weight."""
    path, _ = published()
    part = Part("toy/compact", own=("3.", "6."))
    monkeypatch.setattr(borrowing, "fill", lambda own, *_: ({n for n in own if n[0] != "3"}, []))
    monkeypatch.setattr(borrowing, "parts_of", lambda model: {"": part})
    with pytest.raises(ConfigError, match=r"features\.drawn\.model: toy .* has no weights for 3"):
        frozen(weights=path, normalize="start")


def test_a_head_on_pixels_and_a_network_on_features_are_told(frozen, tmp_path):
    features = frozen()
    split = tmp_path / "data/bones/split.parquet"
    pixels = small_recipe(tmp_path, TWO)
    with pytest.raises(ConfigError, match="store holds features, and 'compact' takes none"):
        read_part(split, features, TWO, part="tune", fold=0, model=pixels.model)
    store = Store(tmp_path / "data/bones/store")
    model = head(tmp_path, features).model
    with pytest.raises(ConfigError, match="store holds pixels, and 'head' takes features"):
        read_part(split, store, TWO, part="tune", fold=0, model=model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"name": "logistic"}, "'logistic' with these settings is no network for pictures"),
        ({"name": "joint", "image": COMPACT, "table": {"numbers": {"age": "mean"}}}, "no network"),
    ],
)
def test_what_has_no_features_of_pictures_is_told(frozen, model, message):
    with pytest.raises(ConfigError, match=message):
        frozen(model=model)


def test_a_folder_that_is_not_whole_is_told(frozen):
    features = frozen()
    (features.path / "pass-00.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"pass-00\.npy: missing or no features"):
        FeatureStore(features.path)
    with pytest.raises(DataError, match="holds features, and no pixels of 2 rows"):
        features.pixels(np.array([0, 1]))

"""What weights that others learned have seen of a study: by list refused, by name told."""

import logging
from pathlib import Path

import pyarrow as pa
import pytest

from radpipe.core.borrowed import Learned, Listed, list_file, seen_by_name
from radpipe.core.errors import ConfigError, DataError, StaleError
from radpipe.core.files import read_json, sha256_bytes, write_json, write_text
from radpipe.core.recipe import Artifact
from radpipe.core.tables import read_table, write_table
from radpipe.core.terms import Terms, terms_of
from radpipe.evaluation.weights import borrowed_by
from radpipe.learning.networks.network import save_weights
from radpipe.learning.starts.seen import Seen, read_seen, starts_of
from radpipe.learning.training.run import make_run
from radpipe.learning.training.train import about, start
from tests.learning.starts.conftest import starter

pytestmark = pytest.mark.usefixtures("in_process")

# Of `write_study`: cases 0 to 7 are test, 9 to 11 tune of fold 0, of patients p0 to p7 and so on.
TEST, TUNE, TRAIN = "case-003", "case-009", "case-012"


def listed(*names, kind="images"):
    """Keep a list of names as the step weights does."""
    text = "".join(f"{name}\n" for name in names)
    digest = sha256_bytes(text.encode())
    write_text(list_file(digest), text)
    on_list = Listed(sha256=digest, names=kind, count=len(names))
    return [Learned(data_set="CheXpert", list=on_list), Learned(data_set="ImageNet-1k")]


@pytest.fixture
def make_started(make, describe, tmp_path, monkeypatch):
    """Return a function that makes a run that starts from weights which have seen something."""
    make()
    path = tmp_path / "data/bones/store/index.parquet"
    index = read_table(path)
    files = pa.array([f"train/{case}/view1.png" for case in index["case"].to_pylist()])
    write_table(path, index.set_column(index.column_names.index("file"), "file", files))
    return starter(make, describe, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("names", "kind"),
    [((f"chexpert-v1.0/train/{TEST}/view1",), "images"), (("p3", "p99"), "patients")],
)
def test_test_cases_on_a_list_refuse_the_run(make_started, names, kind):
    with pytest.raises(ConfigError) as caught:
        make_started(learned_from=listed(*names, kind=kind))
    assert str(caught.value).startswith(
        "variants.bones-x.weights: toy has learned from 1 of the 8 cases in `test` of bones, by the"
        f" published list of its {kind} from CheXpert, so its scores would say nothing"
    )
    assert "The way out: weights that have not seen them" in str(caught.value)


def test_test_cases_on_the_list_of_a_further_start_refuse_the_run_too(make_started, tmp_path):
    run, _ = make_started(learned_from=listed(f"train/{TRAIN}/view1"))
    other = tmp_path / "results/starts/other/start.json"
    content = read_json(Path(run.recipe.weights.path))
    learned_from = [each.model_dump(mode="json") for each in listed(f"train/{TEST}/view1")]
    write_json(other, {**content, "name": "other", "learned_from": learned_from})
    further = [Artifact(path=str(other), sha256="0" * 64)]
    with pytest.raises(
        ConfigError, match=r"^variants\.bones-x\.further_weights: other has learned"
    ):
        read_seen(run.recipe.model_copy(update={"further_weights": further}), tune=[])


def test_tune_cases_on_a_list_are_counted_and_told(make_started, caplog):
    run, _ = make_started(learned_from=listed(f"train/{TUNE}/view1", f"train/{TRAIN}/view1"))
    (seen,) = run.borrowed
    assert seen.tune == 1
    (said,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert said.startswith(f"toy has learned from 1 of the {len(run.tune)} cases in `tune`")


def test_train_cases_on_a_list_are_nothing_but_hits(make_started):
    run, _ = make_started(learned_from=listed(f"train/{TRAIN}/view1"))
    assert run.borrowed[0].tune == 0
    assert [each.hits for each in run.borrowed[0].learned_from] == [1, None]


@pytest.mark.parametrize(
    ("names", "kind"), [(("other/scheme",), "images"), (("003", "P3"), "patients")]
)
def test_a_list_that_hits_nothing_is_told_and_leaves_the_name(make_started, caplog, names, kind):
    run, _ = make_started(learned_from=listed(*names, kind=kind))
    (said,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert said.startswith("toy: 0 of ")
    assert "cases of bones stand on the list of what it has learned from CheXpert" in said
    facts = run.borrowed[0].facts["learned_from"]
    assert seen_by_name(facts, ["bones", "chexpert"]) == ["CheXpert"]


def test_short_names_count_for_studies_that_come_from_the_data_set(make_started):
    short = [each.model_copy(update={"studies": ("bones",)}) for each in listed("view1")]
    with pytest.raises(ConfigError, match="8 of the 8 cases in `test`"):
        make_started(learned_from=short)


def test_lists_are_not_held_against_unrelated_studies(make_started):
    """Patients "p3" are others there: a false match has a way out."""
    found = [each.model_copy(update={"unrelated": ("bones",)}) for each in listed("p3")]
    run, _ = make_started(learned_from=found)
    assert run.borrowed[0].learned_from[0].hits is None


def test_a_film_of_two_cases_is_refused_for_the_first_one_too(make_started, tmp_path):
    path = tmp_path / "data/bones/store/index.parquet"
    index = read_table(path)
    place = index["case"].to_pylist().index(TEST)
    files = index["file"].to_pylist()
    files[-1] = files[place]
    at = index.column_names.index("file")
    write_table(path, index.set_column(at, "file", pa.array(files)))
    with pytest.raises(ConfigError, match="1 of the 8 cases in `test`"):
        make_started(learned_from=listed(f"train/{TEST}/view1"))


def test_a_run_of_a_run_is_held_to_the_list_again(make_started, tmp_path):
    """The first run has the listed case in its train part, the second one in its test part."""
    run, _ = make_started(learned_from=listed(f"train/{TRAIN}/view1"))
    state = start(run, 1)
    state.keep()
    file = tmp_path / "first.safetensors"
    save_weights(file, state.kept, about(run, state, fold=0, seed=1))
    second = run.recipe.model_copy(update={"weights": Artifact(path=str(file), sha256="0" * 64)})
    (again,) = read_seen(second, tune=[])
    assert again == run.borrowed[0]
    split = read_table(tmp_path / "data/bones/split.parquet")
    parts = pa.array(["test" if case == TRAIN else "train" for case in split["case"].to_pylist()])
    write_table(
        tmp_path / "data/bones/split.parquet",
        split.set_column(split.column_names.index("part"), "part", parts),
    )
    with pytest.raises(ConfigError, match="toy has learned from 1 of the 1 cases in `test`"):
        read_seen(second, tune=[])


def test_terms_that_restrict_go_on_in_the_weights(make_started, tmp_path):
    """Through a run of a run, and nothing stands there of weights that are free."""
    run, _ = make_started()
    assert "terms" not in run.borrowed[0].facts
    terms = Terms(spdx="CC-BY-NC-4.0", forbids=["commercial"])
    path = Path(run.recipe.weights.path)
    write_json(path, {**read_json(path), "terms": terms.model_dump()})
    bound = make_run(run.recipe, run.store, run.train, run.tune)
    state = start(bound, 1)
    state.keep()
    file = tmp_path / "first.safetensors"
    save_weights(file, state.kept, about(bound, state, fold=0, seed=1))
    assert terms_of(file) == [("toy", terms)]
    (again,) = starts_of(file)
    assert again.terms == terms
    (outside,) = borrowed_by([file])
    assert outside["terms"] == terms.model_dump()


def test_a_list_that_is_not_here_stops_the_run(make_started):
    found = listed("p3")
    list_file(found[0].list.sha256).unlink()
    with pytest.raises(StaleError, match=r"not here. It belongs to the starting weights 'toy'"):
        make_started(learned_from=found)


def test_weights_of_runs_without_borrowed_ones_have_seen_nothing(make, tmp_path):
    recipe = make().recipe
    for facts in ({}, {"borrowed": []}):
        save_weights(tmp_path / "a.safetensors", {}, facts)
        given = Artifact(path=str(tmp_path / "a.safetensors"), sha256="0" * 64)
        assert read_seen(recipe.model_copy(update={"weights": given}), tune=[]) == ()


def test_a_broken_entry_is_told(make, tmp_path):
    save_weights(tmp_path / "a.safetensors", {}, {"borrowed": [{"start": "x"}]})
    given = Artifact(path=str(tmp_path / "a.safetensors"), sha256="0" * 64)
    recipe = make().recipe.model_copy(update={"weights": given})
    with pytest.raises(DataError, match="does not say which weights it has started from"):
        read_seen(recipe, tune=[])


def test_what_is_written_can_be_read_again():
    seen = Seen("a", "toy/net", "0" * 64, (Learned(data_set="X"),), tune=2)
    (one,) = seen.facts["learned_from"]
    assert one == {"data_set": "X", "list": None, "hits": None, "studies": [], "unrelated": []}
    assert seen.facts["tune"] == 2

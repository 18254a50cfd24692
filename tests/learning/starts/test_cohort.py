"""Cohorts held to what the weights of others have learned from."""

from dataclasses import replace

import pytest

from radpipe.core.borrowed import list_file
from radpipe.core.errors import ConfigError
from radpipe.core.files import sha256_bytes, write_text
from radpipe.core.tables import read_table
from radpipe.learning.networks.network import save_weights
from radpipe.learning.starts.cohort import Cohort, hold, refuse_seen, seen_names
from tests.small_study import TWO, write_study


@pytest.fixture
def cohort(tmp_path, monkeypatch):
    """Make a study of patients p0, p1 and so on, which calls itself MURA, too."""
    monkeypatch.setenv("RADPIPE_WEIGHTS", str(tmp_path / "shared"))
    write_study(tmp_path, TWO)
    folder = tmp_path / "data/bones"
    split = read_table(folder / "split.parquet")
    return Cohort("far", folder / "store", split, same_names=True, known_as=["far", "MURA"])


@pytest.fixture
def weights(tmp_path):
    """Return a function that makes weights of a run whose start has learned from data."""

    def make(*patients, **learned):
        text = "".join(f"{each}\n" for each in patients)
        digest = sha256_bytes(text.encode())
        write_text(list_file(digest), text)
        listed = {"sha256": digest, "names": "patients", "count": len(patients)}
        block = {"data_set": "MURA-v1.1", "list": listed if patients else None, **learned}
        start = {"start": "rad", "function": "a/b", "tensors": "00", "tune": 0}
        facts = {"borrowed": [{**start, "learned_from": [block]}]}
        save_weights(tmp_path / "w.safetensors", {}, facts)
        return [tmp_path / "w.safetensors"] * 2

    return make


RAD = [{"start": "rad"}]


def test_cases_on_a_list_are_known_to_the_variants(cohort, weights):
    held = hold(cohort, weights("p3"))
    (found,) = held.overlaps
    assert (found.case, found.kind) == ("case-003", "listed")
    assert found.study == "MURA-v1.1, by the list of rad"
    assert seen_names(RAD, held, cohort.known_as) == []
    refuse_seen(held, cohort)


@pytest.mark.parametrize(
    ("patients", "changed"),
    [
        # Passed over, because names mean nothing.
        (["p3"], {"same_names": False}),
        # Held, and of no use.
        (["p-3", "P3"], {}),
        # No list at all.
        ([], {}),
    ],
)
def test_where_no_list_decides_the_name_does(cohort, weights, patients, changed):
    cohort = replace(cohort, **changed)
    held = hold(cohort, weights(*patients))
    assert held.overlaps == []
    assert seen_names(RAD, held, cohort.known_as) == ["MURA-v1.1"]
    with pytest.raises(ConfigError) as caught:
        refuse_seen(held, cohort)
    assert str(caught.value).startswith(
        "plan.cohorts.far: variants start from rad, which has learned from MURA-v1.1, from which"
        " far comes by its names (far, MURA), and plan.seen_by_name is refuse."
    )


def test_hits_of_the_home_study_say_nothing_of_the_cohort(cohort, weights):
    held = hold(cohort, weights("q", hits=7))
    assert held.learned_from["rad"][0]["hits"] == 0


def test_other_data_sets_are_no_matter(cohort, weights):
    held = hold(cohort, weights(data_set="ImageNet-1k"))
    assert seen_names(RAD, held, cohort.known_as) == []
    assert seen_names([], hold(cohort, weights()), cohort.known_as) == []
    refuse_seen(held, cohort)

"""Openings are appended, by many at once, and never lost."""

import csv
from concurrent.futures import ThreadPoolExecutor

from radpipe.learning.data.openings import COLUMNS, note_opening
from tests.small_study import THREE, small_recipe, write_study


def test_openings_are_appended_under_one_header(tmp_path):
    write_study(tmp_path, THREE)
    recipe, path = small_recipe(tmp_path), tmp_path / "openings.csv"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: note_opening(path, recipe, fold=0, seed=seed), range(20)))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    assert sorted(int(row["seed"]) for row in rows) == list(range(20))
    assert {(row["study"], row["variant"], row["recipe"]) for row in rows} == {
        ("bones", "bones-x", recipe.sha256)
    }


def test_a_look_at_a_cohort_bears_its_name(tmp_path):
    write_study(tmp_path, THREE)
    recipe, path = small_recipe(tmp_path), tmp_path / "openings.csv"
    note_opening(path, recipe, fold=1, seed=2, study="elsewhere")
    assert path.read_text().splitlines()[1].split(",")[1:] == [
        *("elsewhere", "bones-x", recipe.sha256, "1", "2")
    ]

"""Admit as a process: imported predictions are scored, ranked and tested like a variant."""

import csv
import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from radpipe.core.tables import read_table, write_table
from tests.conftest import Project
from tests.steps.test_evaluate import OUTPUTS, Study

CLASSES = ["healthy", "fractured", "beyond_repair"]
SYSTEM = {
    "study": "bones",
    "predictions": "imported/system.csv",
    "by": {"kind": "system", "name": "elsewhere"},
}
READER = {
    "study": "bones",
    "predictions": "imported/reader.csv",
    "form": "decisions",
    "by": {"kind": "reader", "name": "reader-1"},
}


def write_split(project: Project, study: Study) -> pa.Table:
    """Write the parts of the study whose predictions `Study.write` makes; return them."""
    half = study.n // 2
    tables = [study.table(pa.array(range(half)).to_numpy(), "train", seed=0)]
    tables.append(study.table(pa.array(range(half, study.n)).to_numpy(), "test", seed=0))
    table = pa.concat_tables(tables).drop_columns(study.target.score_columns)
    fold = [i // 2 % 3 if i < half else -1 for i in range(study.n)]
    table = table.append_column("fold", pa.array(fold))
    table = table.append_column("named", table["patient"])
    path = project.root / "data/bones/split.parquet"
    path.parent.mkdir(parents=True)
    write_table(path, table)
    return table


def write_csv(project: Project, name: str, header: list[str], rows: list[list]) -> None:
    folder = project.root / "imported"
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


@pytest.fixture
def admitted(project):
    """Return a project in which a variant was scored, and a system and a reader have answered."""
    study = Study(CLASSES, "multi-class")
    study.write(project.root, variant="bones-floor")
    project.set("plan.variants", ["bones-floor"])
    project.set("plan.imported", {"system": SYSTEM, "reader": READER})
    rows = write_split(project, study).to_pylist()
    columns = [f"ceiling_{name}" for name in CLASSES]
    write_csv(
        project,
        "system",
        ["case", *CLASSES],
        [[row["case"], *(row[name] for name in columns)] for row in rows],
    )
    best = [max(range(3), key=lambda k, row=row: row[columns[k]]) for row in rows]
    # The reader has read most of test, and nothing else.
    decided = [[row["case"], CLASSES[k]] for row, k in zip(rows, best, strict=True)]
    write_csv(project, "reader", ["case", "decision"], decided[-50:])
    return project


def admit(project, name):
    done = project.step("admit", "--imported", name)
    assert done.returncode == 0, done.stderr
    return json.loads((project.root / f"results/scores/{name}/metrics.json").read_text())


def test_imported_predictions_are_scored_ranked_and_tested_like_a_variant(admitted):
    system, reader = admit(admitted, "system"), admit(admitted, "reader")
    assert {p.name for p in (admitted.root / "results/scores/system").iterdir()} == set(OUTPUTS)
    assert set(system["parts"]) == {"tune", "test"}
    # The ideal observer's own probabilities.
    score = system["parts"]["test"]["metrics"]["auc"]
    assert score["value"] == system["parts"]["test"]["ceiling"]["auc"]["value"]
    assert system["operating_point"]["chosen_on"] == "tune"
    assert set(reader["parts"]) == {"test"}
    assert reader["imported"]["cases"]["missing"] == {"tune": 20, "test": 10}
    assert reader["operating_point"]["chosen_on"] == "given"
    assert reader["parts"]["test"]["metrics"]["brier"]["value"] is None
    assert reader["parts"]["test"]["metrics"]["kappa"]["value"] > 0.2
    evaluated = admitted.step("evaluate", "--variant", "bones-floor")
    assert evaluated.returncode == 0, evaluated.stderr
    done = admitted.step("compare")
    assert done.returncode == 0, done.stderr
    with (admitted.root / "results/comparison/bones-ranking.csv").open() as stream:
        rows = [r for r in csv.DictReader(stream) if r["metric"] == "auc" and r["part"] == "test"]
    ranked = {row["variant"]: row for row in rows if row["kind"] == "variant"}
    assert set(ranked) == {"bones-floor", "system", "reader"}
    # Pairs and order use the cases that all have answered.
    assert {row["n_common"] for row in ranked.values()} == {"50"}
    with (admitted.root / "results/comparison/bones-paired.csv").open() as stream:
        pairs = [r for r in csv.DictReader(stream) if r["part"] == "test" and r["metric"] == "auc"]
    assert len(pairs) == 3
    assert {row["n_cases"] for row in pairs} <= {"49", "50"}


def test_an_opening_is_written_down_and_a_closed_part_stays_closed(admitted):
    admit(admitted, "system")
    with (admitted.root / "openings.csv").open(newline="") as stream:
        rows = [(row["study"], row["variant"]) for row in csv.DictReader(stream)]
    assert rows == [("bones", "system")]
    admitted.set("plan.open_test", [])
    assert set(admit(admitted, "system")["parts"]) == {"tune"}
    done = admitted.step("admit", "--imported", "reader")
    assert done.returncode == 2
    assert "has an answer to no case of part tune of bones" in done.stderr


def test_the_tables_hash_is_in_receipt_and_recipe(admitted):
    admit(admitted, "system")
    receipt = json.loads((admitted.root / "results/receipts/admit/system.json").read_text())
    recipe = json.loads((admitted.root / "results/scores/system/recipe.json").read_text())
    assert receipt["inputs"]["imported/system.csv"] == recipe["predictions"]["sha256"]
    path = admitted.root / "imported/system.csv"
    path.write_text(path.read_text().replace("case,", "kase,", 1))
    done = admitted.step("admit", "--imported", "system")
    assert done.returncode == 2
    assert "no column 'case' or 'score_case'" in done.stderr


def test_truths_of_test_choose_nothing(admitted):
    """Other truths of `test` leave the operating point."""
    before = admit(admitted, "system")
    path = admitted.root / "data/bones/split.parquet"
    table = read_table(path)
    target = pc.if_else(pc.equal(table["part"], "test"), 1.0, table["target"])
    write_table(path, table.set_column(table.column_names.index("target"), "target", target))
    after = admit(admitted, "system")
    assert after["operating_point"] == before["operating_point"]
    assert after["parts"]["test"]["metrics"] != before["parts"]["test"]["metrics"]

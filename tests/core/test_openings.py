"""Openings are appended, by many at once, and never lost."""

import csv
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from radpipe.core.errors import DataError
from radpipe.core.openings import COLUMNS, complete, note_opening, read_openings
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


@pytest.fixture
def book(tmp_path):
    """Return `openings.csv` of a Git repository, and the recipe of a run that is judged."""
    write_study(tmp_path, THREE)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    return tmp_path / "openings.csv", small_recipe(tmp_path)


def git(folder, *arguments):
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def commit(path):
    git(path.parent, "add", "--force", path.name)
    git(path.parent, "commit", "--quiet", "--message", "an opening")


def seeds(path):
    return [int(row["seed"]) for row in read_openings(path)]


@pytest.mark.parametrize(
    "way",
    [
        ["checkout", "HEAD", "--", "openings.csv"],
        ["checkout", "--force", "--quiet", "other"],
        ["reset", "--hard", "HEAD~1"],
        ["stash"],
        ["clean", "-fdx"],
    ],
    ids=lambda way: way[0] + way[-1],
)
def test_what_was_seen_stays_seen_whatever_git_puts_in_place(book, way):
    """Four openings; two of them lie in no commit."""
    path, recipe = book
    for seed in range(2):
        note_opening(path, recipe, fold=0, seed=seed)
        commit(path)
        git(path.parent, "branch", "--force", "other", "HEAD" if seed == 0 else "HEAD~1")
    note_opening(path, recipe, fold=0, seed=2)
    note_opening(path, recipe, fold=0, seed=3)
    git(path.parent, *way)
    assert seeds(path) == [0, 1, 2, 3]
    note_opening(path, recipe, fold=0, seed=4)
    assert [row.split(",")[-1] for row in path.read_text().splitlines()[1:]] == list("01234")


@pytest.mark.parametrize("lost", [".state", "openings.csv", ".git/radpipe"])
def test_the_book_is_whole_without_one_of_its_copies(book, lost):
    path, recipe = book
    note_opening(path, recipe, fold=0, seed=0)
    commit(path)
    note_opening(path, recipe, fold=0, seed=1)
    place = path.parent / lost
    shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink(missing_ok=True)
    assert seeds(path) == [0, 1]
    complete(path)
    assert path.read_text().count("bones-x") == 2
    assert complete(path) == 0


def test_a_clone_reads_what_commits_of_all_branches_hold(book, tmp_path_factory):
    path, recipe = book
    note_opening(path, recipe, fold=0, seed=0)
    commit(path)
    git(path.parent, "checkout", "--quiet", "-b", "other")
    note_opening(path, recipe, fold=0, seed=1)
    commit(path)
    git(path.parent, "checkout", "--quiet", "main")
    clone = tmp_path_factory.mktemp("clone") / "project"
    git(path.parent, "clone", "--quiet", str(path.parent), str(clone))
    assert (clone / "openings.csv").read_text().count("bones-x") == 1
    assert seeds(clone / "openings.csv") == [0, 1]
    # Once read they are kept, also when the branch is gone.
    git(clone, "update-ref", "-d", "refs/remotes/origin/other")
    assert seeds(clone / "openings.csv") == [0, 1]


def test_a_copy_that_dvc_runs_an_experiment_in_writes_into_the_book_of_the_project(book):
    path, recipe = book
    note_opening(path, recipe, fold=0, seed=0)
    copy = path.parent / ".dvc/tmp/exps/standalone/tmp1"
    copy.mkdir(parents=True)
    git(copy, "init", "--quiet")
    note_opening(copy / "openings.csv", recipe, fold=0, seed=1)
    assert seeds(copy / "openings.csv") == [0, 1]
    assert (copy / "openings.csv").read_text().count("bones-x") == 2
    shutil.rmtree(copy)
    assert seeds(path) == [0, 1]


def test_a_project_below_the_root_of_a_repository_has_a_book_of_its_own(book):
    path, recipe = book
    below = path.parent / "knees/openings.csv"
    below.parent.mkdir()
    note_opening(path, recipe, fold=0, seed=0)
    note_opening(below, recipe, fold=0, seed=1)
    commit(below)
    below.unlink()
    assert (seeds(path), seeds(below)) == ([0], [1])


def test_without_git_the_second_copy_lies_beside(tmp_path):
    write_study(tmp_path, THREE)
    path, recipe = tmp_path / "openings.csv", small_recipe(tmp_path)
    note_opening(path, recipe, fold=0, seed=0)
    path.unlink()
    assert seeds(path) == [0]


def test_a_folder_of_git_that_cannot_be_written_is_no_hindrance(book):
    path, recipe = book
    (path.parent / ".git/radpipe").write_text("in the way")
    note_opening(path, recipe, fold=0, seed=0)
    path.unlink()
    assert seeds(path) == [0]


def test_both_sides_of_a_conflict_count(book):
    path, recipe = book
    note_opening(path, recipe, fold=0, seed=0)
    first = path.read_text().splitlines()[1]
    other = first.replace(",0,0", ",0,7")
    path.write_text(f"{','.join(COLUMNS)}\n<<<<<<< HEAD\n{first}\n=======\n{other}\n>>>>>>> b\n")
    assert seeds(path) == [0, 7]
    complete(path)
    assert path.read_text() == f"{','.join(COLUMNS)}\n{first}\n{other}\n"


def test_a_line_that_is_no_opening_is_named(tmp_path):
    path = tmp_path / "openings.csv"
    path.write_text("time,study\nhalf a li")
    with pytest.raises(DataError, match=r"openings.csv, line 1: no opening, which has 6 cells"):
        read_openings(path)


def test_a_book_that_a_spreadsheet_has_saved_is_read(book):
    """With a mark of its encoding, and line ends of its own; the header is no opening."""
    path, recipe = book
    note_opening(path, recipe, fold=0, seed=3)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    commit(path)
    assert seeds(path) == [3]
    assert complete(path) == 0
    assert path.read_text().count("time") == 1


def test_a_book_that_is_no_utf_8_is_refused(tmp_path):
    path = tmp_path / "openings.csv"
    path.write_bytes(",".join(COLUMNS).encode("utf-16"))
    with pytest.raises(DataError, match=r"openings\.csv: no UTF-8.*The way out: save it as"):
        read_openings(path)

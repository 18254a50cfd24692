"""Which pictures stand on a contact sheet."""

import numpy as np

from radpipe.core.tables import read_table
from radpipe.exploring.cases import read_cases
from radpipe.exploring.contact import ACROSS, contact_rows, without_letters
from radpipe.imaging.store import Store
from tests.small_study import LABELS, THREE, TWO, write_exams, write_study


def chosen(root, target):
    cases = read_cases(read_table(root / "data/bones/split.parquet"), target)
    store = Store(root / "data/bones/store")
    return cases, store, contact_rows(store, cases)


def test_each_class_is_shown_by_other_patients_and_none_of_test(tmp_path):
    write_study(tmp_path, THREE)
    cases, store, found = chosen(tmp_path, THREE)
    assert list(found) == THREE.classes
    test = set(cases.case[~cases.outside_test].tolist())
    for name, rows in found.items():
        names = [store.index["case"][int(row)].as_py() for row in rows]
        assert len(set(names)) == len(names) == ACROSS
        assert not test & set(names)
        places = [cases.case.tolist().index(case) for case in names]
        assert (cases.truth[places, 0] == THREE.classes.index(name)).all()


def test_a_binary_target_shows_both_classes(tmp_path):
    write_study(tmp_path, TWO)
    assert list(chosen(tmp_path, TWO)[2]) == ["healthy", "fractured"]


def test_of_exams_the_first_view_is_shown(tmp_path):
    write_exams(tmp_path)
    _, store, found = chosen(tmp_path, LABELS)
    for rows in found.values():
        assert {store.index["view"][int(row)].as_py() for row in rows} == {"coronal"}


def test_a_patient_is_shown_once_a_row(tmp_path):
    write_study(tmp_path, THREE)
    cases = read_cases(read_table(tmp_path / "data/bones/split.parquet"), THREE)
    cases.patient[:] = 1
    found = contact_rows(Store(tmp_path / "data/bones/store"), cases)
    assert [len(rows) for rows in found.values()] == [1, 1, 1]


class Lettered:
    """A store of two films, the second with a line of letters at the top."""

    def middles(self, rows):
        films = np.full((2, 256, 256, 1), 40, np.uint8)
        films[1, 10:22, 8:200, 0] = np.where(np.arange(192) // 4 % 2, 255, 40)
        return films[rows]


def test_pictures_with_lines_of_letters_are_left_out():
    assert without_letters(Lettered(), np.array([0, 1])).tolist() == [0]

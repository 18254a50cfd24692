"""The ideal observer's maps in the form of the stored square."""

import numpy as np
import pyarrow as pa

from radpipe.core.settings import Image
from radpipe.explaining.ideal import IdealObserver


class OneFilm:
    """A store of one film of 4 rows and 8 columns, perhaps mirrored."""

    def __init__(self, *, mirrored=False):
        columns = {"case": "c", "view": "image", "file": "f.png", "mirrored": mirrored}
        edges = {"x0": 0.0, "y0": 0.0, "x1": 8.0, "y1": 4.0}
        self.index = pa.Table.from_pylist([{**columns, **edges}])


def signals(file, label):
    if label != "fracture":
        return None
    signal = np.zeros((1, 4, 8), np.float32)
    signal[0, 1, 0] = 0.5
    signal[0, 1, 1] = 0.02
    return signal


def observer(**how):
    return IdealObserver(signals, OneFilm(**how), Image(side=8))


def test_evidence_lies_where_the_store_shows_it():
    (view,) = observer().views("c", "fracture").values()
    assert view.shape == (1, 8, 8)
    # A letterbox of four rows begins in the third.
    assert np.unravel_index(view.argmax(), view.shape) == (0, 3, 0)
    assert view.max() == np.float32(0.5)
    assert view[0, 3, 1] == np.float32(round(0.02 / 0.5 * 65535) / 65535 * 0.5)
    assert view.sum() - view[0, 3, :2].sum() == 0


def test_a_mirrored_case_has_a_mirrored_map():
    (view,) = observer(mirrored=True).views("c", "fracture").values()
    assert np.unravel_index(view.argmax(), view.shape) == (0, 3, 7)


def test_what_is_seen_is_more_than_a_trace():
    (seen,) = observer().seen("c", "fracture").values()
    assert np.argwhere(seen).tolist() == [[0, 3, 0]]


def test_what_is_seen_is_drawn_once():
    asked = []

    def counted(file, label):
        asked.append(label)
        return signals(file, label)

    ideal = IdealObserver(counted, OneFilm(), Image(side=8))
    for label in ("fracture", "healthy", "fracture", "healthy"):
        ideal.seen("c", label)
    assert asked == ["fracture", "healthy"]


def test_nobody_knows_other_labels_or_cases():
    assert observer().views("c", "healthy") is None
    assert observer().views("other", "fracture") is None
    assert observer().seen("c", "healthy") == {}

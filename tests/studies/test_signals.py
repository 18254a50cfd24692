"""Where the findings of phantoms show: drawn again, and held against boxes and pixels."""

import numpy as np
import pytest

from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.adapters import load_adapter
from radpipe.studies.chexpert import phantom as chests
from radpipe.studies.chexpert.phantom_plan import draw_plan as plan_chests
from radpipe.studies.chexpert.phantom_tables import film_name
from radpipe.studies.folders import phantom as bones
from radpipe.studies.folders.layout import FoldersLayout
from radpipe.studies.folders.phantom_plan import draw_plan as plan_bones
from radpipe.studies.mrnet import phantom as knees
from radpipe.studies.mrnet.layout import volume_name
from radpipe.studies.mrnet.phantom_plan import draw_plan as plan_knees

SOURCE = PhantomSource(kind="phantom", seed=3, patients=20)
BONES = Target(kind="multi-class", classes=["whole", "broken", "lost"])
LAYOUT = FoldersLayout(path="{class}/{patient}-{_}")


def inside(signal, boxes):
    """Return the share of a signal, (slices, rows, columns), that lies in boxes."""
    truth = np.zeros(signal.shape, bool)
    for place, x0, y0, x1, y1 in boxes:
        truth[place, y0:y1, x0:x1] = True
    return signal[truth].sum() / signal.sum()


def test_a_lesion_shows_in_its_box_and_nowhere_in_a_whole_bone():
    signal = load_adapter("folders").signals(source=SOURCE, layout=LAYOUT, target=BONES)
    seen = 0
    for image in plan_bones(SOURCE, LAYOUT, BONES):
        found = signal(image.file, "broken")
        pixels, lesion = bones.draw(image, seed=3)
        if lesion is None:
            assert not found.any()
        elif image.copy is None:
            assert found.shape == (1, *pixels.shape)
            assert inside(found, [(0, *lesion[1])]) > 0.8
            seen += 1
    assert seen > 5
    assert signal(image.file, "whole") is None
    assert signal("another.png", "broken") is None


def test_a_scanned_copy_shows_what_its_original_does():
    copies = [one for one in plan_bones(SOURCE, LAYOUT, BONES) if one.copy == "augmented"]
    found = bones.lesion_signal(copies[0], seed=3)
    pixels, _ = bones._augment(bones.draw(copies[0], seed=3)[0], None)
    assert found.shape == (1, *pixels.shape)


def test_findings_of_chests_show_in_their_boxes():
    signal = load_adapter("chexpert").signals(source=SOURCE, layout=None, target=None)
    studies = plan_chests(SOURCE)[:6]
    shares = [
        inside(signal(film_name(study, "frontal"), finding), [(0, *box)])
        for study in studies
        for finding, box in chests.draw(study, "frontal", seed=3)[1]
        if finding not in ("enlarged_cardiomediastinum", "cardiomegaly", "lung_opacity")
    ]
    assert len(shares) > 10
    assert min(shares) > 0.8
    film = film_name(studies[0], "frontal")
    assert signal(film, "no_finding") is None
    assert signal(film, "lung_opacity").sum() > signal(film, "edema").sum()


def test_tears_of_knees_show_in_their_slices():
    signal = load_adapter("mrnet").signals(source=SOURCE, layout=None, target=None)
    exam = max(plan_knees(SOURCE), key=lambda exam: exam.severity[0])
    file = volume_name(exam.part, "sagittal", exam.exam)
    pixels, lesions = knees.draw(exam, "sagittal", seed=3)
    found = signal(file, "acl")
    assert found.shape == pixels.shape
    assert inside(found, [box for name, box in lesions if name == "acl"]) > 0.8
    assert (signal(file, "abnormal") >= found * 0.999 - 1e-9).all()
    # An axial plane does not show the ligament.
    assert not signal(volume_name(exam.part, "axial", exam.exam), "acl").any()
    assert signal("other.npy", "acl") is None


@pytest.mark.parametrize("label", ["kl0", "kl4"])
def test_a_grade_is_no_place(label):
    signal = load_adapter("oai").signals(source=SOURCE, layout=None, target=None)
    assert signal("any", label) is None

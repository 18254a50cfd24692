"""The phantom of `folders`: real layout, exact posterior, planted copies, no giveaways."""

import csv
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from radpipe.core.errors import ConfigError
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base import drawing
from radpipe.studies.base.manifest import list_files, write_manifest
from radpipe.studies.folders import phantom as module
from radpipe.studies.folders.layout import FoldersLayout
from radpipe.studies.folders.phantom import draw, encode, write_phantom
from radpipe.studies.folders.phantom_plan import FORMATS, draw_plan, posterior

CLASSES = ["healthy", "fractured", "beyond_repair"]
TARGET = Target(kind="multi-class", classes=CLASSES)
LAYOUT = FoldersLayout(path="{class}/{patient}-{_}")


def source(patients=20, seed=1):
    return PhantomSource(kind="phantom", seed=seed, patients=patients)


def test_the_posterior_by_hand():
    """At v = 1 the weights are exp(-2), 1, exp(-2); at v = 0 they are 1, exp(-2), exp(-8)."""
    shares = posterior(np.array([1.0, 0.0]), 3)
    side, far = np.exp(-2), np.exp(-8)
    assert shares[0] == pytest.approx(np.array([side, 1, side]) / (1 + 2 * side))
    assert shares[1] == pytest.approx(np.array([1, side, far]) / (1 + side + far))


@pytest.fixture(scope="module")
def large():
    """Return a plan of many patients; nothing is drawn."""
    return draw_plan(source(patients=6000), LAYOUT, TARGET)


def test_labels_occur_as_often_as_the_posterior_says(large):
    """Calibration of the ideal observer: mean posterior against share of labels."""
    shares = posterior(np.array([image.severity for image in large]), 3)
    labels = np.array([image.label for image in large])
    for k in range(3):
        for low, high in ((0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 1)):
            inside = (shares[:, k] >= low) & (shares[:, k] < high)
            n = inside.sum()
            seen, said = (labels[inside] == k).mean(), shares[inside, k].mean()
            # Four standard errors of a share.
            assert abs(seen - said) < 4 * np.sqrt(said * (1 - said) / n) + 1e-3


def test_the_ceiling_is_where_it_should_be(large):
    shares = posterior(np.array([image.severity for image in large]), 3)
    labels = np.array([image.label for image in large])
    assert np.mean(shares.argmax(axis=1) == labels) == pytest.approx(0.80, abs=0.02)
    areas = [_area(labels == k, shares[:, k]) for k in range(3)]
    assert np.mean(areas) == pytest.approx(0.91, abs=0.015)


def test_formats_and_sizes_tell_nothing_of_the_label(large):
    labels = np.array([image.label for image in large])
    for form in FORMATS:
        has = np.array([image.form == form for image in large])
        for k in range(3):
            error = np.sqrt(0.25 / (has & (labels >= 0)).sum())
            assert abs((labels[has] == k).mean() - (labels == k).mean()) < 4 * error
    rows = np.array([image.shape[0] for image in large], dtype=float)
    assert abs(np.corrcoef(rows, labels)[0, 1]) < 4 / np.sqrt(len(large))


def test_patients_have_one_to_four_images_of_like_severity(large):
    own = [image for image in large if image.copy is None]
    counts = Counter(image.patient for image in own)
    assert set(counts.values()) == {1, 2, 3, 4}
    assert len(own) == pytest.approx(2.5 * 6000, rel=0.03)
    pairs = [(a.severity, b.severity) for a, b in pairwise(own) if a.patient == b.patient]
    assert np.corrcoef(np.array(pairs).T)[0, 1] == pytest.approx(0.49, abs=0.06)  # 0.7 * 0.7


def test_copies_stand_under_other_patients_with_the_same_label(large):
    by_number = {image.number: image for image in large if image.copy is None}
    copies = [image for image in large if image.copy]
    assert Counter(image.copy for image in copies) == {"bytes": 80, "augmented": 80}
    for image in copies:
        first = by_number[image.number]
        assert image.file.split("/")[0] == first.file.split("/")[0]
        assert image.file.split("/")[1][:6] != first.file.split("/")[1][:6]
    assert len({image.file for image in large}) == len(large)


def test_the_files_are_what_the_plan_says(tmp_path):
    plan = draw_plan(source(), LAYOUT, TARGET)
    write_phantom(tmp_path, source=source(), layout=LAYOUT, target=TARGET)
    assert set(list_files(tmp_path)) == {i.file for i in plan} | {"ceiling.csv", "boxes.csv"}
    originals = {image.number: image for image in plan if image.copy is None}
    for image in plan:
        content = (tmp_path / image.file).read_bytes()
        same = content == (tmp_path / originals[image.number].file).read_bytes()
        assert same == (image.copy != "augmented")
        with Image.open(tmp_path / image.file) as picture:
            scale = module.COPY_SCALE if image.copy == "augmented" else 1
            assert picture.size[::-1] == tuple(round(side * scale) for side in image.shape)
    with (tmp_path / "ceiling.csv").open() as stream:
        rows = {row["file"]: row for row in csv.DictReader(stream)}
    for image in plan:
        shares = posterior(np.array([image.severity]), 3)[0]
        assert [float(rows[image.file][name]) for name in CLASSES] == list(shares)
    with (tmp_path / "boxes.csv").open() as stream:
        boxed = {row["file"]: row["label"] for row in csv.DictReader(stream)}
    assert boxed == {
        i.file: "fracture" if i.severity < 1.5 else "shatter" for i in plan if i.severity > 0
    }


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "FEW", 0)
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        write_phantom(folder, source=source(), layout=LAYOUT, target=TARGET, workers=workers)
    one, two = (write_manifest(tmp_path / n, tmp_path / f"{n}.csv") for n in "12")
    assert one == two


def test_every_format_comes_out_as_it_should(tmp_path):
    image = draw_plan(source(), LAYOUT, TARGET)[0]
    pixels, _ = draw(image, seed=1)
    expected = {
        "png-grey": ("PNG", "L"),
        "jpg-grey": ("JPEG", "L"),
        "jpg-rgb": ("JPEG", "RGB"),
        "png-rgb": ("PNG", "RGB"),
        "png-palette": ("PNG", "P"),
        "png-16": ("PNG", "I;16"),
    }
    assert expected.keys() == FORMATS.keys()
    assert sum(FORMATS.values()) == pytest.approx(1)
    for form, (container, mode) in expected.items():
        (tmp_path / "x").write_bytes(encode(pixels, form))
        with Image.open(tmp_path / "x") as picture:
            assert (picture.format, picture.mode) == (container, mode)
            grey = np.asarray(picture.convert("RGB" if mode == "P" else mode), dtype=float)
        top = 65535 if form == "png-16" else 255
        grey = grey[..., 0] if grey.ndim == 3 else grey
        assert np.abs(grey / top - pixels).mean() < 0.02


def test_a_lesion_changes_the_picture_inside_its_box():
    plan = draw_plan(source(patients=40), LAYOUT, TARGET)
    sick = [image for image in plan if image.shown > 1][:5]
    assert sick
    for image in sick:
        pixels, lesion = draw(image, seed=1)
        assert lesion is not None
        assert pixels.shape == image.shape
        assert pixels.min() >= 0
        assert pixels.max() <= 1


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("{class}/{file}", r"(healthy|fractured|beyond_repair)/\d{5}\.(png|jpg)"),
        ("{part}/{class}/{patient}.png", r"(train|test)/[a-z_]+/p\d{5}\.png"),
        ("{sex}{age}/{class}-{side}/{patient}_{_}", r"[fm]\d\d/[a-z_]+-(left|right)/p\d+_\d\.\w+"),
        ("{class}/{site}/{patient}.{_}.JPG", r"[a-z_]+/[ab]/p\d{5}\.\d\.JPG"),
    ],
)
def test_other_templates(path, files):
    plan = draw_plan(source(), FoldersLayout(path=path), TARGET)
    assert len({image.file for image in plan}) == len(plan)
    for image in plan:
        assert re.fullmatch(files, image.file), image.file


def test_folders_are_named_as_the_layout_maps_them():
    layout = FoldersLayout(
        path="{part}/{class}/{file}",
        classes={"NEG": "whole", "neg2": "whole", "POS": "broken", "x": None},
        parts={"training": "train", "holdout": "test"},
    )
    plan = draw_plan(source(), layout, Target(kind="binary", classes=["whole", "broken"]))
    tops = {tuple(image.file.split("/")[:2]) for image in plan}
    assert tops == {(p, c) for p in ("training", "holdout") for c in ("NEG", "POS")}


@pytest.mark.parametrize(
    ("layout", "kind", "message"),
    [
        ({"path": "{class}/x.png"}, "multi-class", "would have one name"),
        ({"path": "{class}/{file}"}, "multi-label", "not several labels"),
        ({"table": {"file": "t", "image": "i", "target": "y"}}, "binary", r"give\s+layout.path"),
    ],
)
def test_what_the_phantom_cannot_write(layout, kind, message):
    target = Target(kind=kind, classes=["a", "b"])
    with pytest.raises(ConfigError, match=message):
        draw_plan(source(), FoldersLayout.model_validate(layout), target)


def _area(truth, score):
    """Return the area under the ROC curve as the share of pairs in order, ties half."""
    positive, negative = np.sort(score[truth]), np.sort(score[~truth])
    below = np.searchsorted(negative, positive, "left")
    ties = np.searchsorted(negative, positive, "right") - below
    return (below + ties / 2).sum() / (len(positive) * len(negative))


def test_where_sides_make_the_name_a_patient_has_one_image_of_each():
    layout = FoldersLayout(path="{part}/{class}/{patient:7}{side}")
    plan = draw_plan(source(patients=200), layout, TARGET)
    names = [image.file.rpartition("/")[2] for image in plan]
    assert all(re.fullmatch(r"[0-9]{7}(left|right)\.(png|jpg)", name) for name in names)
    assert len({name.partition(".")[0] for name in names}) == len(names)
    assert Counter(Counter(name[:7] for name in names).values()).keys() == {1, 2}


def test_digits_for_what_the_phantom_does_not_number_are_refused():
    with pytest.raises(ConfigError, match=r"do not fit layout.path '\{class\}/\{sex:1\}-\{_\}'"):
        draw_plan(source(), FoldersLayout(path="{class}/{sex:1}-{_}"), TARGET)

"""Images of a study on a published list: paths that begin at different folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.learning.starts.images import image_name, listed_images


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg",) * 2,
        ("./A\\B.PNG", "a/b"),
        ("scan.nii.gz", "scan"),
        ("1.2.840.10008", "1.2.840.10008"),
        ("noending", "noending"),
        ("a/scan.dicom", "a/scan"),
        ("a/vol.MHA", "a/vol"),
        ("a/.png", "a/.png"),
        ("a/view1.lat", "a/view1.lat"),
        ("", ""),
    ],
)
def test_names_have_one_form(path, name):
    assert image_name(path) == name.lower().removesuffix(".jpg")


CHEXPERT = "train/patient00001/study1/view1_frontal.jpg"


@pytest.mark.parametrize(
    ("own", "listed", "found"),
    [
        (CHEXPERT, "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg", True),
        (f"raw/{CHEXPERT}", CHEXPERT, True),
        (f"CheXpert-v1.0-small/{CHEXPERT}", f"CheXpert-v1.0/{CHEXPERT}", True),
        ("a/patient1/study1/view1.png", "b/patient2/study1/view1.png", False),
        (CHEXPERT, "train/patient00002/study1/view1_frontal.jpg", False),
        ("images_001/images/00000013_005.png", "00000013_005.png", True),
        # A bare name as short as this is that of many files.
        ("train/axial/0001.npy", "0001.npy", False),
        ("axial/0001.npy", "train/axial/0001.npy", True),
        ("axial/0001.npy", "train/coronal/0001.npy", False),
    ],
)
def test_an_image_is_the_same_if_one_path_ends_in_the_other(own, listed, found):
    cases = listed_images({own: ["case"]}, [image_name(listed)])
    assert cases == ({"case"} if found else set())


@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=5), st.integers(0, 3))
def test_folders_in_front_change_nothing(parts, n):
    path = "/".join(parts)
    assert listed_images({"x/" * n + path: ["k"]}, [path]) == {"k"}
    assert listed_images({path: ["k"]}, ["x/" * n + path]) == {"k"}


def test_a_film_of_two_cases_finds_both():
    assert listed_images({"a/film.png": ["left", "right"]}, ["a/film"]) == {"left", "right"}


@pytest.mark.parametrize(
    ("own", "listed"),
    [("boneage-training-dataset/1377.png", "1377"), ("train/axial/0001.npy", "0001.npy")],
)
def test_short_names_count_for_studies_of_the_data_set(own, listed):
    assert listed_images({own: ["case"]}, [image_name(listed)], short=True) == {"case"}
    assert listed_images({own: ["case"]}, [image_name(listed)]) == set()

"""The adapter `folders` on small studies of each kind, written by hand."""

# ruff: noqa: RUF012  the fake studies of the harness are never changed

import math

from tests.studies.adapter_harness import AdapterHarness, PhantomHarness

NAN = math.nan
CLASSES = ["healthy", "fractured", "beyond_repair"]
THREE = {"kind": "multi-class", "classes": CLASSES}


def write(raw, **files):
    """Write files; `__` stands for a slash. Their bytes need not be pictures."""
    for name, content in files.items():
        put(raw, name.replace("__", "/") + ".png", content)


def put(raw, name, content):
    path = raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())


class TestClassFolders(PhantomHarness):
    """The house layout."""

    name = "folders"
    layout = {"path": "{class}/{patient}-{_}"}
    target = THREE
    expected = {
        "case": ["beyond_repair/p2-1", "fractured/p1-2", "healthy/p1-1"],
        "patient": ["p2", "p1", "p1"],
        "official": [None, None, None],
        "target": [2, 1, 0],
        "file_image": ["beyond_repair/p2-1.JPG", "fractured/p1-2.png", "healthy/p1-1.png"],
    }

    def fake(self, raw):
        put(raw, "healthy/p1-1.png", "a")
        put(raw, "fractured/p1-2.png", "b")
        put(raw, "beyond_repair/p2-1.JPG", "c")
        put(raw, "readme.txt", "no picture")


class TestMuraTree(PhantomHarness):
    """Parts, body parts and patients as folders, the class in a folder's name."""

    name = "folders"
    layout = {
        "path": "{part}/{body_part}/{patient}/{_}_{class}/{file}",
        "classes": {"negative": "normal", "positive": "abnormal"},
    }
    target = {"kind": "binary", "classes": ["normal", "abnormal"]}
    expected = {
        "case": [
            "train/XR_HAND/patient1/study1_negative/image1",
            "train/XR_HAND/patient1/study1_negative/image2",
            "valid/XR_ELBOW/patient2/study1_positive/image1",
        ],
        "patient": ["patient1", "patient1", "patient2"],
        "official": ["train", "train", "tune"],
        "target": [0, 0, 1],
        "covariate_body_part": ["XR_HAND", "XR_HAND", "XR_ELBOW"],
    }

    def fake(self, raw):
        put(raw, "train/XR_HAND/patient1/study1_negative/image1.png", "a")
        put(raw, "train/XR_HAND/patient1/study1_negative/image2.png", "b")
        put(raw, "valid/XR_ELBOW/patient2/study1_positive/image1.png", "c")


class TestOrdinalGrades(PhantomHarness):
    """Grades as folders 0, 1, 2; side and age in the file's name."""

    name = "folders"
    layout = {
        "path": "{part}/{class}/{patient}_{side}_{age}_{_}.png",
        "classes": {0: "none", 1: "mild", 2: "severe"},
        "parts": {"holdout": "test"},
    }
    target = {"kind": "ordinal", "classes": ["none", "mild", "severe"]}
    expected = {
        "case": ["holdout/2/b_L_40_1", "train/0/a_L_33_1", "train/1/a_R_33_2"],
        "official": ["test", "train", "train"],
        "target": [2, 0, 1],
        "covariate_side": ["L", "L", "R"],
        "covariate_age": [40.0, 33.0, 33.0],
    }

    def fake(self, raw):
        put(raw, "train/0/a_L_33_1.png", "a")
        put(raw, "train/1/a_R_33_2.png", "b")
        put(raw, "holdout/2/b_L_40_1.png", "c")


class TestTable(AdapterHarness):
    """A flat folder with a table: mapping, joined patients, parts, awkward covariates."""

    name = "folders"
    layout = {
        "table": {
            "file": "labels.csv",
            "image": "id",
            "path": "png/{id}.png",
            "target": "finding",
            "mapping": {"": "healthy", "fx": "fractured", 9: "beyond_repair", "?": None},
            "patient": ["site", "number"],
            "part": "split",
            "covariates": ["sex", "crp", "code"],
        }
    }
    target = THREE
    expected = {
        "case": ["a", "b", "c", "d"],
        "patient": ["x/1", "y/1", "y/1", "image:d"],
        "official": ["train", "test", "test", None],
        "target": [0, 1, 2, NAN],
        "file_image": ["png/a.png", "png/b.png", "png/c.png", "png/d.png"],
        "covariate_sex": ["f", "m", None, "f"],
        "covariate_crp": [1.5, NAN, NAN, -2.0],
        "covariate_code": ["007", "8", None, "9"],
    }

    def fake(self, raw):
        for name in "abcd":
            put(raw, f"png/{name}.png", name)
        put(
            raw,
            "labels.csv",
            "\ufeffid;finding;site;number;split;sex;crp;code\n"
            'b;fx;y;1;TEST;m;inf;"8"\n'
            "a;;x;1;train; f ;1.5;007\n"
            "c;9;y;1;test;;;\n"
            "d;?;;;;f;-2;9\n",
        )


class TestManyLabels(AdapterHarness):
    """Several labels per image, some of them unknown."""

    name = "folders"
    layout = {
        "table": {
            "file": "t.csv",
            "image": "file",
            "target": ["edema", "fluid"],
            "mapping": {"-1": None, "yes": 1},
        }
    }
    target = {"kind": "multi-label", "classes": ["edema", "effusion"]}
    expected = {
        "case": ["a.png", "b.png", "c.png"],
        "target_edema": [1, NAN, 0],
        "target_effusion": [1, 0, NAN],
        "patient": ["image:a.png", "image:b.png", "image:c.png"],
        "ceiling_edema": [0.9, NAN, NAN],
        "ceiling_effusion": [0.75, NAN, NAN],
    }

    def fake(self, raw):
        for name in "abc":
            put(raw, f"{name}.png", name)
        put(raw, "ceiling.csv", "file,edema,effusion\na.png,0.9,0.75\n")
        put(raw, "t.csv", "file,edema,fluid\na.png,yes,1.0\nb.png,,0\nc.png,0,-1\n")

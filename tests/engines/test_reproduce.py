"""A failing run as one archive: all that is needed, and nothing of a patient."""

import json
import re
import subprocess
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from radpipe.core.errors import RadpipeError
from radpipe.core.files import write_json
from radpipe.core.jobs import new_note
from radpipe.core.params import load_params
from radpipe.core.tables import write_table
from radpipe.engines import scrubbing
from radpipe.engines.reproduce import reproduce
from radpipe.engines.scrubbing import Names, Scrubber
from tests.conftest import ROOT, SMALL

TRAIN = ("train", "bones-v1-fold-0-seed-0")
# What nobody outside may see: patients, cases, files, a folder and a host.
SECRETS = (
    *("Anna", "Sommer", "MRN-00417", "2291873", "0042", "sommer_anna", "exam-9", "left.png"),
    *("/clinic/ward7/films", "clinic", "pacs7.example.org", "s3://bucket-of-the-clinic/x"),
)
LOG = """\
2026-11-20 09:46:00,000 INFO training: epoch=4 cases=120 step=42
2026-11-20 09:46:01,000 ERROR train bones-v1: this is a bug in radpipe, please report it
Traceback (most recent call last):
  File "{root}/workflow/scripts/train.py", line 40, in main
  File "{python}/site-packages/torch/nn.py", line 7, in forward
KeyError: 'MRN-00417'
OSError: [Errno 5] Input/output error: '/clinic/ward7/films/sommer_anna/exam-9/left.png'
patient=2291873_L of Anna Q Sommer (0042), file sommer_anna/exam-9/left.png, s3://bucket-of-the-clinic/x
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Enter a project whose training failed with names in its log; nothing outside is asked."""
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(yaml.safe_dump(SMALL))
    settings["studies"]["bones"]["source"] = {"kind": "path", "path": "/clinic/ward7/films"}
    settings["studies"]["bones"]["remote"] = "clinic"
    Path("params.yaml").write_text(yaml.safe_dump(settings))
    for name in ("presets", "workflow", "weights"):
        (tmp_path / name).symlink_to(ROOT / name)
    folder = Path("data/bones")
    folder.mkdir(parents=True)
    row = "sommer_anna/exam-9/left.png,1,00\n"
    (folder / "manifest.csv").write_text(f"file,bytes,sha256\n{row}train/healthy/0042.png,1,00\n")
    cases = {"case": ["exam-9", "0042", "7"], "patient": ["Anna Q Sommer", "MRN-00417", "2291873"]}
    write_table(folder / "cases.parquet", pa.table(cases))
    write_table(
        folder / "split.parquet",
        pa.table({**cases, "named": ["MRN-00417"] * 3, "part": ["train"] * 3}),
    )
    receipt = {"inputs": {"data/bones/store": "ab"}, "facts": {"host": "pacs7", "epochs": 4}}
    write_json(Path("results/receipts/ingest/bones.json"), receipt)
    note = replace(new_note(*TRAIN), host="pacs7.example.org")
    note.end(1, "KeyError: 'MRN-00417'")
    note.log.parent.mkdir(parents=True)
    text = LOG.format(root=tmp_path, python=Path(subprocess.__file__).parent)
    note.log.write_text(text)
    return tmp_path


def archived(**how):
    """Write the archive and return its files."""
    out = Path("case.zip")
    reproduce(load_params(), out=out, **how)
    with zipfile.ZipFile(out) as archive:
        return {n.removeprefix("case/"): archive.read(n).decode() for n in archive.namelist()}


def test_the_archive_holds_what_is_needed_and_no_name(project):
    files = archived()
    assert set(files) == {
        *("README.md", "case.json", "params.yaml", "settings.json", "versions.txt", "log.txt"),
        *("changes.patch", "receipts/ingest/bones.json"),
    }
    for name, text in files.items():
        for secret in (*SECRETS, str(project)):
            assert secret not in text, (name, secret)
    case = json.loads(files["case.json"])
    assert case["run"] == " ".join(TRAIN)
    assert (case["ended"]["code"], case["ended"]["message"]) == (1, "KeyError: '<removed>'")
    assert case["stale"]["train bones-v1-fold-0-seed-0"] == ["no receipt"]
    assert "numpy==" in files["versions.txt"]
    assert "snakemake --cores 1 --until train" in files["README.md"]
    receipt = json.loads(files["receipts/ingest/bones.json"])
    assert receipt == {
        "inputs": {"data/bones/store": "ab"},
        "facts": {"host": "<host>", "epochs": 4},
    }


def test_what_gives_nobody_away_stays_readable(project):
    log = archived()["log.txt"].splitlines()
    assert log[0] == "2026-11-20 09:46:00,000 INFO training: epoch=4 cases=120 step=42"
    assert log[3] == '  File "./workflow/scripts/train.py", line 40, in main'
    assert log[4].endswith('/site-packages/torch/nn.py", line 7, in forward')
    assert log[5] == "KeyError: '<removed>'"
    assert log[6] == "OSError: [Errno 5] Input/output error: '<path>'"
    assert log[7] == (
        "patient=<removed>_L of <removed> Q <removed> (<removed>), file <removed>, <address>"
    )
    settings = yaml.safe_load(archived()["params.yaml"])
    assert settings["studies"]["bones"]["source"] == {"kind": "path", "path": "<removed>"}
    assert settings["studies"]["bones"]["target"] == SMALL["studies"]["bones"]["target"]
    assert settings["variants"] == SMALL["variants"]


def test_without_tables_whatever_stands_in_quotes_is_taken_out(project):
    """The names are not known then, and that is said."""
    (project / "data/bones/manifest.csv").unlink()
    files = archived()
    assert "The tables of bones were not there" in " ".join(files["README.md"].split())
    assert "KeyError: '<removed>'" in files["log.txt"]
    assert "MRN-00417" not in files["log.txt"]
    assert "sommer" not in files["log.txt"].splitlines()[6]


@pytest.mark.parametrize(
    "printed",
    [
        *("Brüchig-Müller", "brüchig-müller", "BRÜCHIG-MÜLLER", r"Br\xfcchig-M\xfcller"),
        unicodedata.normalize("NFD", "Brüchig-Müller"),
        *("x/Brüchig-Müller.png:", "Brüchig-Müller_7", "<Brüchig-Müller>", "'Brüchig-Müller',"),
    ],
)
def test_a_name_is_found_in_whatever_form_it_is_printed(project, printed):
    table = pa.table({"case": ["a-1"], "patient": ["Brüchig-Müller"]})
    write_table(project / "data/bones/cases.parquet", table)
    names = Names.of(load_params())
    assert "ller" not in Scrubber(names).text(f"of {printed} at 3").casefold()


@pytest.mark.parametrize("name", ["Quux,Zorra(B)", "Quux;Zorra", "Quux Zorra", "[Quux]<Zorra>"])
def test_a_name_of_several_words_is_found_whatever_stands_between_them(project, name):
    write_table(
        project / "data/bones/cases.parquet", pa.table({"case": ["a-1"], "patient": [name]})
    )
    scrubber = Scrubber(Names.of(load_params()))
    for text in (f"of {name} at 3", f"KeyError: '{name}'", "Zorra, Quux"):
        assert not {"quux", "zorra"} & set(re.findall("[a-z]+", scrubber.text(text).casefold()))


def test_a_user_without_a_name_is_nobody(project, monkeypatch):
    """A number would be taken out of everything that is counted."""

    def nameless():
        raise KeyError("uid not found: 1000")

    monkeypatch.setattr(scrubbing.getpass, "getuser", nameless)
    assert Scrubber(Names.of(load_params())).text("cases=1000") == "cases=1000"


def test_short_numbers_are_taken_out_in_quotes_only(project):
    """Case 7 is one of this study, and so is epoch 7 of any training."""
    scrubber = Scrubber(Names.of(load_params()))
    assert scrubber.text("epoch=7, KeyError: '7'") == "epoch=7, KeyError: '<removed>'"


def test_a_run_is_named_as_status_names_it(project):
    assert "this run has not been started here" in archived(run=("report", "all"))["log.txt"]
    with pytest.raises(RadpipeError, match="did you mean 'train bones-v1-fold-0-seed-0'"):
        archived(run=("train", "bones-v1-fold-0-seed-1"))


def test_settings_of_a_phantom_are_whole(project):
    """So that the run can be made again from the archive alone."""
    Path("params.yaml").write_text(yaml.safe_dump(SMALL))
    assert yaml.safe_load(archived()["params.yaml"]) == SMALL


def git(*command):
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    subprocess.run(["git", *who, *command], check=True, capture_output=True)


def test_edited_code_is_part_of_the_archive(project, monkeypatch):
    """Whole, because a patch without names and paths would not fit the commit."""
    monkeypatch.setattr(scrubbing, "_user", lambda: "root")
    code, text = project / "src/extra.py", "root = '/clinic/ward7'\nrate = 1\n"
    code.parent.mkdir()
    (project / "src/gone.py").write_text("gone = 1\n")
    code.write_text(text)
    for command in (["init"], ["add", "src"], ["commit", "-m", "start"]):
        git(*command)
    code.write_text(text.replace("1", "2  # for MRN-00417"))
    (project / "src/gone.py").unlink()
    (project / "src/größe.py").write_text("# nor for 2291873\n")
    (project / "src/added.py").write_text("added = 1\n")
    git("add", "src/added.py")
    files = archived()
    assert {name: text for name, text in files.items() if name.startswith("new/")} == {
        "new/src/added.py": "added = 1\n",
        "new/src/extra.py": "root = '<path>'\nrate = 2  # for <removed>\n",
        "new/src/größe.py": "# nor for <removed>\n",
    }
    assert "-rate = 1\n+rate = 2  # for <removed>\n" in files["changes.patch"]
    case = json.loads(files["case.json"])
    assert case["clean"] is False
    assert case["commit"] in files["README.md"]


def test_where_nothing_has_failed_the_way_out_is_told(project):
    new_note(*TRAIN).end(0, "")
    with pytest.raises(RadpipeError, match=r"nothing has failed here. To take out a run all the"):
        archived()

"""The page in a real browser: clicks, keys, files, and whether all can use it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from radpipe.app.viewer.words import RESEARCH
from tests.app.viewer.odd_files import claiming, npy, photograph, png, zipped
from tests.browser import browser
from tests.dicom_files import scene

ACCESSIBILITY = (Path(__file__).parents[1] / "accessibility.js").read_text(encoding="utf-8")
# Streamlit hides the ends of a slider's range by giving them the colour of what lies behind.
NOT_OURS = ("contrast 1.00",)
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PICTURES = "document.querySelectorAll('img.rp-picture').length"
READY = f"{PICTURES} == 3 && document.querySelectorAll('input[type=range]').length == 6"
NOTE = """(() => { const note = document.querySelector('.rp-research').getBoundingClientRect();
  return note.height > 0 && Math.round(note.bottom) == innerHeight && note.width == innerWidth;
})()"""
NUMBER = "document.querySelector('.rp-number').innerText"
ALT = "[...document.querySelectorAll('img.rp-picture')].map((e) => e.alt)"
ERROR = "(document.querySelector('[data-testid=stAlertContentError]') || {}).innerText"
FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.type"


@pytest.fixture(scope="module")
def served(project, pictures, tmp_path_factory):
    """Return the page's address, what the server said, and its folder of temporary files."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "tmp").mkdir()
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    said = folder / "said.txt"
    with said.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "radpipe.app", "app", "--port", str(port), str(pictures.folder)],
            cwd=project, stdout=stream, stderr=stream,
            env={**os.environ, "TMPDIR": str(folder / "tmp"), "HOME": str(folder)},
        )  # fmt: skip
        try:
            wait_for(f"http://localhost:{port}/_stcore/health", server)
            yield f"http://localhost:{port}/", said, folder
        finally:
            server.terminate()
            server.wait(20)


def wait_for(address, server):
    for _ in range(600):
        assert server.poll() is None
        try:
            with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("no server")


@pytest.fixture(scope="module")
def chromium(served, tmp_path_factory):
    """Return a browser that shows the run of the project, once its process has answered."""
    with browser(tmp_path_factory.mktemp("browser"), local=True) as found:
        yield found


def shown(chromium, served, *, width=1280, dark=False):
    """Open the page and choose the run of the project by keyboard."""
    chromium.open(served[0], width=width, dark=dark)
    chromium.wait("document.querySelector('input[aria-label=Model]')", 60)
    choose(chromium, "Model")
    chromium.wait(READY)


def reach(chromium, label):
    """Go to a control by the tab key, as often as it takes."""
    for _ in range(60):
        if chromium.tell(FOCUSED) == label:
            return
        chromium.press("Tab", 9)
    pytest.fail(f"{label} is not reached by the tab key")


def choose(chromium, label, text=""):
    """Choose an entry by keys: the first with a text, or the next one."""
    reach(chromium, label)
    if text:
        chromium.call("Input.insertText", text=text)
    else:
        chromium.press("ArrowDown", 40)
    chromium.wait("document.querySelector('[role=listbox] [role=option][data-focused]')")
    chromium.press("Enter", 13, "\r")
    chromium.wait("!document.querySelector('[role=listbox]')")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_can_be_read_by_all_and_fits(chromium, served, width, dark):
    shown(chromium, served, width=width, dark=dark)
    chromium.tell("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    faults = chromium.tell(ACCESSIBILITY)
    assert [fault for fault in faults if not fault.startswith(NOT_OURS)] == []
    assert chromium.tell(WIDER) == 0
    assert chromium.tell(NOTE)
    assert chromium.tell("document.querySelector('.rp-research').innerText") == RESEARCH
    tops = chromium.tell(
        "[...document.querySelectorAll('img.rp-picture')]"
        ".map((e) => Math.round(e.getBoundingClientRect().top + scrollY))"
    )
    assert (len(set(tops)) == 1) is (width == 1280)  # side by side, or one below the other
    background = chromium.tell("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not dark
    assert all(url.startswith(served[0]) for url in chromium.asked)
    unnamed = {
        node["role"]["value"]
        for node in chromium.call("Accessibility.getFullAXTree")["nodes"]
        if not node.get("ignored")
        and node["role"]["value"] in ("combobox", "slider", "button", "radio", "image", "link")
        and not node.get("name", {}).get("value")
    }
    assert unnamed == set()


def test_everything_is_reached_and_changed_by_keyboard(chromium, served):
    shown(chromium, served)
    reached = []
    for _ in range(40):
        chromium.press("Tab", 9)
        reached.append(chromium.tell(FOCUSED))
    for label in ("Study", "Model", "Case (patient)", "Diagnosis", "Map", "Colours of the map"):
        assert label in reached
    order = reached[reached.index("Study") :]
    assert order.index("Model") < order.index("Diagnosis") < order.index("Axial: slice")
    before = chromium.tell(NUMBER)
    choose(chromium, "Diagnosis")
    chromium.wait(f"{NUMBER} != {before!r} && {ALT}[0].includes('acl')")
    old = chromium.tell(ALT)[0]
    reach(chromium, "Axial: slice")
    key = ("ArrowLeft", 37) if ", slice 1 " not in old else ("ArrowRight", 39)
    chromium.press(*key)
    chromium.wait(f"{ALT}[0] != {old!r}")
    choose(chromium, "Colours of the map")
    choose(chromium, "Map", "none")
    chromium.wait(f"!{ALT}[0].includes('map of')")


def test_odd_files_get_a_sentence_and_leave_nothing(chromium, served, tmp_path):
    """Clicks and files: one good film and some odd ones; the page works on after each."""
    address, said, folder = served
    chromium.open(address, width=1280)
    chromium.wait("document.querySelector('input[type=file]')", 60)
    good = png(scene((64, 48), bits=8))
    for name, data, sentence in (
        ("secret-1.png", photograph_png(), "it is in colour"),
        ("secret-2.zip", zipped("a.png", good), "A zip archive is not opened here"),
        ("secret-3.png", b"", "A file is empty"),
        ("secret-4.png", claiming(60_000, 60_000), "more than 80 million pixels"),
        ("secret-5.npy", npy(np.array([{}], dtype=object)), "pickled Python objects"),
        ("secret-6.dcm", good[:40], "is not a PNG, JPEG"),
    ):
        hand_over(chromium, tmp_path / name, data)
        chromium.wait(f"({ERROR} || '').includes({sentence!r})")
        assert "secret" not in chromium.tell(ERROR)
        chromium.tell("document.querySelector('button[aria-label^=Remove]').click()")
        chromium.wait(f"!{ERROR}")
    hand_over(chromium, tmp_path / "secret-7.png", good)
    chromium.wait(f"{PICTURES} == 2 && !{ERROR}")
    assert "secret" not in said.read_text()
    assert [each.name for each in (folder / "tmp").rglob("*") if each.is_file()] == []
    assert not (folder / ".streamlit").exists()


def photograph_png():
    return png(photograph())


def hand_over(chromium, file, data):
    """Choose a file as a click on the button would."""
    file.write_bytes(data)
    root = chromium.call("DOM.getDocument")["root"]["nodeId"]
    node = chromium.call("DOM.querySelector", nodeId=root, selector="input[type=file]")["nodeId"]
    chromium.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

"""What refused is not tried again; what was killed is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from radpipe.core.graph import Graph
from radpipe.core.jobs import new_note
from radpipe.core.params import Params
from radpipe.engines.retries import refused
from tests.conftest import ROOT, SMALL

RUN = {"variant": "bones-v1", "fold": "0", "seed": "0"}


@pytest.mark.parametrize(
    ("code", "minutes", "answer"),
    [(2, 0, True), (2, 5, False), (1, 0, False), (75, 0, False), (None, 0, False)],
)
def test_only_a_refusal_of_this_snakemake_counts(code, minutes, answer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("presets", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    graph = Graph(Params.model_validate(SMALL))
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert not refused(graph, "train", RUN, since)
    started = datetime.now(UTC) - timedelta(minutes=minutes)
    note = new_note("train", "bones-v1-fold-0-seed-0")
    replace(note, started=started.isoformat(timespec="seconds"), code=code).write()
    assert refused(graph, "train", RUN, since) is answer
    assert not refused(graph, "train", {**RUN, "seed": "1"}, since)
    assert not refused(graph, "all", {}, since)


ENDS = {
    "a refusal": ("raise RadpipeError('no such layer')", 1),
    "a kill": ("os.kill(os.getpid(), 9)", 3),
}


@pytest.mark.engine
@pytest.mark.parametrize(("end", "tries"), ENDS.values(), ids=ENDS)
def test_snakemake_repeats_what_was_killed_and_no_refusal(engines, end, tries):
    script = engines.root / "workflow/scripts/train.py"
    call = 'import_module("stub").run(STEP)'
    does = f"def main(job):\n    print('one more try')\n    {end}\n\n\nSTEP(main)"
    head = "import os\nfrom radpipe.core.errors import RadpipeError\n\n\n"
    assert call in script.read_text()
    script.write_text(script.read_text().replace(call, f"{head}{does}"))
    target = "results/runs/bones-v1/fold-0-seed-0/weights.safetensors"
    text = engines.snakemake(target, check=False)
    assert text.count("one more try") == tries
    assert text.count("Trying to restart") == tries - 1

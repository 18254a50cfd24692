"""Ways back to a commit, and caches of links: nothing is lost in silence or written through."""

import sys
from pathlib import Path

import pytest

KEY = "variants.bones-v1.train.epochs"
WEIGHTS = "results/runs/bones-v1/fold-0-seed-0/weights.safetensors"


@pytest.mark.engine
def test_git_checkout_and_sync_lead_out_of_what_nobody_recorded(recorded):
    """The experiment's files are where the message says; before Git has gone back, none moves."""
    before = recorded.bytes_of("results/**/*")
    recorded.set(KEY, 3)
    recorded.snakemake("--until", "train")
    made = recorded.bytes_of(WEIGHTS)
    said = recorded.radpipe("sync", check=False)
    assert "refused, because results lie here that nobody has recorded" in said
    assert recorded.bytes_of(WEIGHTS) == made

    recorded.git("checkout", "--quiet", ".")
    said = recorded.radpipe("sync")
    (aside,) = (recorded.root / ".state/set-aside").iterdir()
    assert f"{WEIGHTS} (0.0 MB), which no commit, no experiment" in said
    assert str(aside.relative_to(recorded.root)) in said
    assert (aside / WEIGHTS).read_bytes() == made[WEIGHTS]
    assert recorded.bytes_of("results/**/*") == before
    assert recorded.planned() == set()
    assert "up to date" in recorded.dvc("status")
    # And back again, as the message says.
    recorded.run("cp", "-a", f"{aside}/.", ".")
    assert recorded.bytes_of(WEIGHTS) == made


@pytest.mark.engine
def test_a_cache_of_links_that_has_lost_a_file_is_noticed(recorded, tmp_path_factory):
    """By verify, planning, steps and sync, which fetches it where a remote has it."""
    target = _links(recorded, "symlink")[WEIGHTS]
    whole = target.read_bytes()
    target.unlink()
    nothing = f"{WEIGHTS}: missing (a link to nothing: DVC's cache has lost its file)"
    assert nothing in recorded.radpipe("verify", check=False)
    assert "train/bones-v1-fold-0-seed-0" in recorded.planned()
    options = ("--variant", "bones-v1", "--fold", "0", "--seed", "0")
    said = recorded.run(sys.executable, "workflow/scripts/predict.py", *options, check=False)
    assert nothing in said
    recorded.dvc("checkout", "--quiet")
    said = recorded.radpipe("sync", check=False)
    assert f"DVC's cache has lost {WEIGHTS}" in said
    assert not (recorded.root / WEIGHTS).is_symlink()

    # The step that refused has touched nothing.
    assert recorded.git("status", "--porcelain", "results") == ""
    recorded.git("checkout", "--quiet", ".")
    target.write_bytes(whole)
    remote = tmp_path_factory.mktemp("remote")
    recorded.dvc("remote", "add", "--default", "shared", str(remote))
    recorded.dvc("push", "--quiet")
    target.unlink()
    recorded.radpipe("sync")
    assert (recorded.root / WEIGHTS).read_bytes() == whole
    assert recorded.planned() == set()


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_no_step_writes_through_a_link(recorded, kind):
    """Although the steps of this project open their outputs in place, and root may write anywhere.

    They are started by hand, because the engines remove outputs before a job.
    """
    _links(recorded, kind)
    cache = recorded.bytes_of(".dvc/cache/files/**/*")
    (recorded.root / "in-place").touch()
    recorded.set("evaluation.seed", 2)
    run = ("--variant", "bones-v1", "--fold", "0", "--seed", "0")
    commands = [
        ("split", "--study", "bones"),
        ("explore", "--study", "bones"),
        ("train", *run),
        ("predict", *run),
        ("evaluate", "--variant", "bones-v1"),
        ("evaluate", "--variant", "bones-floor"),
        ("compare",),
        ("judge",),
        ("report",),
    ]
    for step, *options in commands:
        recorded.run(sys.executable, f"workflow/scripts/{step}.py", *options)
    assert recorded.bytes_of(".dvc/cache/files/**/*") == cache
    assert not (recorded.root / WEIGHTS).is_symlink()


def _links(engines, kind: str) -> dict[str, Path]:
    """Let DVC put links into its cache in the place of outputs; return where those lead."""
    engines.dvc("config", "cache.type", kind)
    engines.dvc("checkout", "--quiet", "--relink")
    weights = engines.root / WEIGHTS
    assert weights.is_symlink() if kind == "symlink" else weights.stat().st_nlink > 1
    return {WEIGHTS: weights.resolve()}

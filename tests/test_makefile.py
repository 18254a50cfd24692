"""What `make` does to a project's files."""

import shutil
import subprocess

from tests.conftest import ROOT


def test_clean_leaves_what_is_nowhere_else(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = {"params.yaml", "openings.csv", ".state/openings.csv", ".state/set-aside/t/weights"}
    made = {"data/bones/store/x", "results/report.html", "logs/x", ".state/hashes/x", ".state/lock"}
    for name in kept | made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for _ in range(2):
        subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
        left = {str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file()}
        assert left == {*kept, "Makefile"}
        shutil.rmtree(tmp_path / ".state", ignore_errors=True)
        kept -= {name for name in kept if name.startswith(".state")}

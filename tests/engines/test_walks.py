"""Random walks through everything that happens to projects: no status ever lies.

If a status says that nothing is to be done, then every result is what a fresh folder makes. A
hundred walks are part of the tests; `make walks` takes thousands (RADPIPE_WALKS says how many).
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from radpipe.core.hashes import stamp_of
from tests.engines.world import DECIDING, EDITED, LIBRARIES, RESULTS, SETTINGS, World

WALKS = int(os.environ.get("RADPIPE_WALKS", "100"))
STEPS = 10
ANY = st.integers(0, 10_000)
# Once made and copied, and what fresh folders made: by process, because walks are many.
_START: list[World] = []


def start(folder: Path) -> World:
    """Return a world of its own in which everything is made."""
    if not _START:
        first = World(Path(tempfile.mkdtemp(prefix="radpipe-walks-"), "project"))
        first.make()
        first.save()
        _START.append(first)
    return _START[0].copy_to(folder / "project")


class Walk(RuleBasedStateMachine):
    """What people, engines, disks and package managers do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="radpipe-walk-"))
        self.world = start(self.folder)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def check(self) -> None:
        """Compare with a fresh folder whatever a status calls clean."""
        clean = self.world.clean()
        if any(clean.values()):
            fresh = Path(tempfile.mkdtemp(prefix="radpipe-fresh-", dir=self.folder), "project")
            honest = self.world.honest(lambda: fresh)
            lies = {
                name: found for name, found in self.world.results().items() if honest[name] != found
            }
            assert not lies, f"{clean}: {sorted(lies)} are not what a fresh folder makes"
            assert self.world.results().keys() == honest.keys()

    @rule(key=st.sampled_from(sorted(SETTINGS)), number=ANY)
    def a_setting_is_edited(self, key: str, number: int) -> None:
        self.world.set(key, SETTINGS[key][number % len(SETTINGS[key])])
        self.check()

    @rule(name=st.sampled_from(EDITED), effect=st.sampled_from([None, 0, 1, 2]))
    def code_is_edited(self, name: str, effect: int | None) -> None:
        self.world.edit(name, effect)
        self.check()

    @rule(name=st.sampled_from(sorted(LIBRARIES)), version=st.sampled_from(["1.0", "1.1"]))
    def a_library_is_installed(self, name: str, version: str) -> None:
        self.world.versions[name] = version
        self.check()

    @rule(name=st.sampled_from(sorted(DECIDING)), value=st.sampled_from(["1", "de_DE.UTF-8"]))
    def a_shell_says_otherwise(self, name: str, value: str) -> None:
        self.world.shell[name] = value
        self.check()

    @rule(until=st.sampled_from(["", "", "", "split", "train"]))
    def everything_is_made(self, until: str) -> None:
        self.world.make(until=until)
        if not until:
            assert all(self.world.clean().values())
        self.check()

    @rule(name=st.sampled_from(["ingest", "split", "train", "evaluate"]))
    def a_step_is_killed(self, name: str) -> None:
        self.world.make(dies_in=name)
        self.check()

    @rule(hours=st.sampled_from([-1, 1, 0]))
    def clocks_are_wrong(self, hours: int) -> None:
        self.world.shift(3600.0 * hours)
        self.check()

    @rule(number=ANY)
    def a_byte_changes_behind_its_time(self, number: int) -> None:
        self.world.flip(number)
        self.check()

    @rule(number=ANY)
    def a_file_is_deleted(self, number: int) -> None:
        self.world.delete(number)
        self.check()

    @rule()
    def memory_is_deleted(self) -> None:
        self.world.forget()
        self.check()
        assert not self.world.forgotten(), "openings of test are counted no more"

    @rule()
    def a_commit_is_made(self) -> None:
        self.world.save()

    @rule(
        number=ANY,
        names=st.sampled_from(
            [
                ("params.yaml", "workflow", "openings.csv", *RESULTS),
                ("params.yaml", "openings.csv"),
                RESULTS,
                ("workflow",),
            ]
        ),
    )
    def a_commit_is_checked_out(self, number: int, names: tuple[str, ...]) -> None:
        self.world.restore(number, names)
        self.check()
        assert not self.world.forgotten(), "openings of test are counted no more"


@pytest.mark.timeout(900 + 30 * WALKS)
def test_no_walk_ends_in_a_lie() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Walk,
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            deadline=None,
            # Ten steps can be read as they are; to shorten them would take minutes.
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )


def test_the_walks_see_what_they_should(tmp_path: Path) -> None:
    """Each way to change a result changes it in a fresh folder, too."""
    world = start(tmp_path)
    numbers = iter(range(100))

    def honest() -> dict[str, bytes]:
        return world.honest(lambda: tmp_path / f"fresh-{next(numbers)}")

    before = honest()
    assert before == world.results()
    world.edit("train", None)
    assert honest() == before
    world.edit("train", 1)
    assert {name.split("/")[1] for name in before if honest()[name] != before[name]} >= {"runs"}
    world.edit("train", 0)
    world.versions["pillow"] = "1.1"
    assert any(
        name.startswith("data/bones/store") and honest()[name] != before[name] for name in before
    )


def test_the_walks_flip_a_byte_that_only_the_content_and_the_time_of_the_change_show(
    tmp_path: Path,
) -> None:
    world = start(tmp_path)
    before = {file: (file.read_bytes(), stamp_of(file)) for file in world._results()}
    assert world.clean() == {"status": True, "verify": True}
    world.flip(0)
    (flipped,) = (file for file, (data, _) in before.items() if file.read_bytes() != data)
    (size, modified, changed, inode), now = before[flipped][1], stamp_of(flipped)
    assert (now[0], now[1], now[3]) == (size, modified, inode)
    assert now[2] != changed
    assert world.clean() == {"status": False, "verify": False}

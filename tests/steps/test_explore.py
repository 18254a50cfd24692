"""The step `explore` as a process."""

from PIL import Image

from tests.small_study import THREE, write_study


def test_sizes_are_drawn_of_what_is_in_the_store(project):
    write_study(project.root, THREE)
    done = project.step("explore", "--study", "bones")
    assert done.returncode == 0, done.stderr
    with Image.open(project.root / "results/studies/bones/sizes.png") as picture:
        assert picture.width > 1000


def test_without_a_store_it_says_what_to_run(project):
    done = project.step("explore", "--study", "bones")
    assert done.returncode == 2
    assert "data/bones/store: missing. Run the step that makes it first." in done.stderr

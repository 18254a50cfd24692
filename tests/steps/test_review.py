"""The step `review` as a process; what it draws of real crops is in test_localize."""


def test_without_crops_it_says_what_to_run(project):
    project.set("localize", {"bones": {"remote": None, "side": 32, "extent_mm": 60}})
    done = project.step("review", "--study", "bones")
    assert done.returncode == 2
    assert "data/bones/crops: missing. Run the step that makes it first." in done.stderr


def test_a_study_without_joints_has_nothing_to_review(project):
    done = project.step("review", "--study", "bones")
    assert done.returncode == 2
    assert "params.yaml plans no review bones. It plans: none." in done.stderr

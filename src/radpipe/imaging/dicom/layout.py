"""How the pixels of a DICOM file are laid out, checked before any of them is touched."""

from dataclasses import dataclass
from typing import Any

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.header import DicomHeader
from radpipe.imaging.read import MAX_PIXELS, MIN_SIDE

GREYS = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
# Two columns share their colour; of the last two of COLOURS, codecs give RGB (PS3.5, 8.2.4).
HALVED_COLOUR = "YBR_FULL_422"
YBR = ("YBR_FULL", HALVED_COLOUR)
COLOURS = ("RGB", *YBR, "YBR_ICT", "YBR_RCT")

# All numbers of the layout but that of frames are of 16 bits (PS3.6); none that is larger is shown.
MAX_NUMBER = 65535


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """How Pixel Data is laid out (PS3.3, C.7.6.3.1), checked."""

    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    planar: int

    @property
    def bytes(self) -> int:
        """Length of one frame if it is not compressed."""
        values = self.rows * self.columns * self.samples
        return n_bytes(values, self.allocated, self.photometric)

    @property
    def stored_range(self) -> tuple[int, int]:
        """The lowest and the highest value that can be stored."""
        if self.signed:
            return -(2 ** (self.stored - 1)), 2 ** (self.stored - 1) - 1
        return 0, 2**self.stored - 1

    @property
    def fills_bytes(self) -> bool:
        """Whether each byte is a value."""
        return self.allocated == self.stored == 8

    @property
    def mode(self) -> str:
        """How the file keeps its pixels, in one word."""
        return f"{self.photometric.replace(' ', '_')}/{self.stored}"

    @property
    def options(self) -> dict[str, Any]:
        """The same in the words of pydicom's decoders."""
        options: dict[str, Any] = {
            "rows": self.rows,
            "columns": self.columns,
            "samples_per_pixel": self.samples,
            "photometric_interpretation": self.photometric,
            "bits_allocated": self.allocated,
            "bits_stored": self.stored,
            "pixel_representation": int(self.signed),
            "number_of_frames": 1,
            "pixel_keyword": "PixelData",
        }
        return options | ({"planar_configuration": self.planar} if self.samples > 1 else {})


def n_bytes(values: int, allocated: int, photometric: str) -> int:
    """Return how long so many values of so many bits are if they are not compressed."""
    size = values * allocated // 8
    # C.7.6.3.1.2: two pixels share their chrominance.
    return size * 2 // 3 if photometric == HALVED_COLOUR else size


def read_layout(header: DicomHeader) -> PixelLayout:
    """Check size and kind of the pixels before any of them is touched.

    Raises
    ------
    DataError
        They are not what this reader takes.

    """
    if not header.has("PixelData"):
        raise DataError("holds no pixels (an object without Pixel Data)")
    frames = header.integer("NumberOfFrames") or 1
    if frames != 1:
        # A number that is no count may be a date.
        count = frames if 1 < frames <= MAX_NUMBER else "no valid number of"
        raise DataError(f"holds {count} frames, expected one")
    photometric = header.word("PhotometricInterpretation")
    if photometric not in (*GREYS, PALETTE, *COLOURS):
        raise DataError("holds pixels of a Photometric Interpretation that is not read")
    samples = 3 if photometric in COLOURS else 1
    if _needed(header, "SamplesPerPixel", default=samples) != samples:
        raise DataError("Samples per Pixel do not suit Photometric Interpretation")
    rows, columns = _needed(header, "Rows"), _needed(header, "Columns")
    if rows * columns * samples > MAX_PIXELS:
        raise DataError(f"more than {MAX_PIXELS // 10**6} million pixels")
    if min(rows, columns) < MIN_SIDE:
        raise DataError(f"smaller than {MIN_SIDE} pixels ({columns}x{rows})")
    allocated = _needed(header, "BitsAllocated")
    if allocated not in (8, 16):
        raise DataError(f"holds {allocated}-bit pixels, expected 8 or 16 bits")
    stored = _needed(header, "BitsStored", default=allocated)
    if not 1 <= stored <= allocated:
        raise DataError(f"Bits Stored is {stored}, expected 1..{allocated}")
    high_bit = header.integer("HighBit")
    if high_bit is None or not stored - 1 <= high_bit < allocated:
        high_bit = stored - 1
    return PixelLayout(
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=photometric,
        allocated=allocated,
        stored=stored,
        high_bit=high_bit,
        signed=header.integer("PixelRepresentation") == 1,
        planar=1 if header.integer("PlanarConfiguration") == 1 else 0,
    )


def _needed(header: DicomHeader, keyword: str, default: int | None = None) -> int:
    found = header.integer(keyword)
    if found is None:
        found = default
    if found is None or not 1 <= found <= MAX_NUMBER:
        raise DataError(f"{keyword} is missing or not valid")
    return int(found)

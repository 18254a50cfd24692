"""From where a film was taken, and whether it was put together from several."""

from typing import Literal

from radpipe.imaging.dicom.header import DicomHeader
from radpipe.imaging.dicom.tags import Spacing

View = Literal["frontal", "lateral", "oblique", "axial"]

# View Position (0018,5101; C.8.7.1.1 and C.8.11.5): defined terms, and what machines write besides.
POSITIONS: dict[str, View] = {
    **dict.fromkeys(("AP", "PA", "FRONTAL"), "frontal"),
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "ML", "LM"), "lateral"),
    **dict.fromkeys(("LLO", "RLO", "OBL", "OBLIQUE", "LAO", "RAO", "LPO", "RPO"), "oblique"),
    **dict.fromkeys(("AXIAL", "SKYLINE", "SUNRISE", "TANGENTIAL"), "axial"),
}
# View Code Sequence (0054,0220), PS3.16, CID 4010: SNOMED's codes, the older ones of CP 250 beside
# those of today.
CODES: dict[str, View] = {
    **dict.fromkeys(("399348003", "R-10206", "272479007", "R-10214"), "frontal"),
    **dict.fromkeys(("399033003", "R-10202", "R-40888"), "frontal"),
    **dict.fromkeys(("399067008", "R-102CD", "399173006", "R-10236"), "lateral"),
    **dict.fromkeys(("399198007", "R-10232", "399352003", "R-10228"), "lateral"),
    **dict.fromkeys(("399260004", "R-10224"), "lateral"),
    **dict.fromkeys(("399182000", "R-102C1", "260427002", "R-40783"), "oblique"),
    **dict.fromkeys(("260426006", "R-40782", "399312000", "R-10208"), "oblique"),
    **dict.fromkeys(("399059000", "R-10216", "399184004", "R-10238"), "oblique"),
    **dict.fromkeys(("399236003", "R-10234", "399135007", "R-10220"), "oblique"),
    **dict.fromkeys(("399356000", "R-40985", "399006002", "R-10212"), "oblique"),
    **dict.fromkeys(("399038007", "R-10210", "399160007", "R-10204"), "oblique"),
    **dict.fromkeys(("399061009", "R-10241", "399110001", "R-102C2"), "axial"),
}
# Image Type (0008,0008) has no defined term for it (C.8.11.3.1.1); makers write these words.
PUT_TOGETHER = ("STITCH", "COMPOS")
# The longest side of a detector for one exposure is 43 cm; sheets of film are no longer.
LONGEST_MM = 480.0
# Of which this is true; the field of view of CT is no detector.
PROJECTIONS = ("CR", "DX", "RG", "")


def view_of(header: DicomHeader) -> View | None:
    """Return from where a film was taken, None if unknown.

    View Code Sequence (0054,0220), else View Position (0018,5101). Otherwise Patient Orientation
    (0020,0020; C.7.6.1.1.1): columns that run to the front or to the back of the patient are those
    of a film from the side. What runs to the left or right proves nothing: it may be oblique.
    """
    coded = header.item("ViewCodeSequence", with_any=("CodeValue",))
    view = CODES.get(coded.word("CodeValue")) if coded is not None else None
    view = view or POSITIONS.get(header.word("ViewPosition"))
    if view is None and header.word("PatientOrientation") in ("A", "P"):
        return "lateral"
    return view


def is_stitched(header: DicomHeader, spacing: Spacing | None) -> bool:
    """Tell whether a film was most likely put together from several exposures.

    Image Type says so, or a radiograph is longer than any detector: Rows or Columns times
    `spacing`, mm.
    """
    if any(word.startswith(PUT_TOGETHER) for word in header.words("ImageType")):
        return True
    if header.word("Modality") not in PROJECTIONS:
        return False
    sizes = (header.integer("Rows") or 0, header.integer("Columns") or 0)
    return spacing is not None and any(
        n * mm > LONGEST_MM for n, mm in zip(sizes, spacing, strict=True)
    )

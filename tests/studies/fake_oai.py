"""A tiny OAI written by hand: three invented people, five known grades, films of 16 x 24 pixels."""

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from radpipe.studies.oai.layout import PUBLIC_KEY

PEOPLE = ("9900001", "9900002", "9900003")
DATES = {"9900001": "19011231", "9900002": "19021231", "9900003": "19031231"}
SERIES = {"9900001": "00770001", "9900002": "00770002", "9900003": "00770003"}
KL = {"kind": "ordinal", "classes": ["0", "1", "2", "3", "4"]}
PROGRESSION = {"kind": "binary", "classes": ["no", "yes"]}


def name(person: str, key: bytes = PUBLIC_KEY) -> str:
    """Return the name that stands for a patient."""
    return hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:16]


def film(person: str, series: str | None = None, file: str = "001") -> str:
    """Return the path of a film."""
    folder = f"OAIScreeningImages/results/00m/0.C.2/{person}/{DATES[person]}"
    return f"{folder}/{series or SERIES[person]}/{file}"


def tables() -> dict[str, str]:
    """Return the tables by name, with the ways in which the real ones write values."""
    return {
        "kxr_sq_bu00.txt": (
            "ID|SIDE|READPRJ|V00BARCDBU|V00XRKL\n"
            "9900001|1: Right|15|016600770001|0\n"
            "9900001|2: Left|15|016600770001|1: One\n"
            "9900002|1|15|016600770002|2\n"
            "9900002|2|15|016600770002|3\n"
            "9900003|1|15|016600770003|4\n"
            "9900003|2|15|016600770003|.: Missing Form/Incomplete Workbook\n"
        ),
        "kxr_qjsw_duryea00.txt": (
            "ID|SIDE|READPRJ|V00MCMJSW|V00NOMJSWX|V00NOLJSWX\n"
            "9900001|1|15|5.000|.|.\n"
            "9900001|2|15|4.300|0|0\n"
            "9900002|1|15|4.000||\n"
            "9900002|2|15|3.500|1: Beam angle|.\n"
            "9900003|1|15|1.200|.|.\n"
            "9900003|2|15|.A|.|.\n"
        ),
        "kxr_qjsw_duryea06.txt": (
            "ID|SIDE|READPRJ|V06MCMJSW|V06NOMJSWX|V06NOLJSWX\n"
            "9900001|1|15|5.100|.|.\n"
            "9900001|2|15|3.600|.|.\n"
            "9900002|1|15|3.301|.|.\n"
            "9900002|2|15|2.000|.|.\n"
        ),
        "AllClinical00.txt": (
            "ID|V00AGE|P01BMI|P01INJR|P01INJL\n"
            "9900001|60|25.5|0: No|1: Yes\n"
            "9900002|71|.5|0|.D: Don't Know\n"
            "9900003|45|31|1|0\n"
        ).replace("|.5|", "|30.25|"),
        "enrollees.txt": (
            "ID|P02SEX|P02RACE\n"
            "9900001|1: Male|1: White or Caucasian\n"
            "9900002|2: Female|0\n"
            "9900003|2|.\n"
        ),
        "kxr_fta_duryea00.txt": (
            "id|side|readprj|v00ftangle\n"
            "9900001|1|15|-4.5\n9900001|2|15|2\n9900002|1|15|.\n9900002|2|15|0\n"
            "9900003|1|15|-12.25\n9900003|2|15|-1\n"
        ),
    }


@dataclass
class FakeOAI:
    """What is written; tests change it before they write.

    Attributes
    ----------
    tables
        Name to text.
    films
        Path to grey value.
    tags
        DICOM keywords to values, for all films.

    """

    tables: dict[str, str] = field(default_factory=tables)
    films: dict[str, int] = field(
        default_factory=lambda: {film(person): 7 + n for n, person in enumerate(PEOPLE)}
    )
    tags: dict[str, object] = field(default_factory=dict)

    def write(self, raw: Path) -> Path:
        """Write tables and films below `raw`, and return it."""
        (raw / "tables").mkdir(parents=True)
        for table, text in self.tables.items():
            (raw / "tables" / table).write_bytes(text.encode())
        for file, grey in self.films.items():
            (raw / file).parent.mkdir(parents=True, exist_ok=True)
            write_dicom(raw / file, grey, self.tags)
        return raw


def write_dicom(path: Path, grey: int, tags: dict[str, object]) -> None:
    """Write a film of one grey value."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID = f"2.25.{grey}"
    data.PatientName, data.PatientID, data.StudyDate = "Fake^Person", "9900001", "19011231"
    data.Modality, data.PatientOrientation = "DX", ["L", "F"]
    data.PixelSpacing = [0.15, 0.15]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = 16, 24
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in tags.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    data.PixelData = np.full((16, 24), grey, np.uint16).tobytes()
    data.save_as(path, enforce_file_format=True)

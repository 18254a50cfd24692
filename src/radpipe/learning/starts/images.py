"""Which cases of a study stand on a published list of what weights have learned from."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

# A bare name as short as "0001" is that of many files; shorter ones count with their folder only,
# unless the study is known to come from the data set of the list.
SHORTEST = 8
# So many parts at the end make an image the same whatever the folder is called in which a data set
# lies: train/<patient>/<image>.
ENOUGH = 3
# Fixed, because names have dots of their own: DICOM's numbers, versions, "view1.frontal".
ENDINGS = tuple(
    f".{ending}"
    for ending in (
        *("png", "jpg", "jpeg", "jpe", "jp2", "j2k", "bmp", "gif", "webp", "tif", "tiff", "pgm"),
        *("dcm", "dicom", "dic", "ima", "nii", "mha", "mhd", "nrrd", "hdr", "img", "raw"),
        *("npy", "npz", "pt", "h5", "hdf5", "mat"),
    )
)


def image_name(path: str) -> str:
    """Return a path as lists and studies are compared by: "/", small letters, without ending."""
    parts = [
        part for part in path.replace("\\", "/").casefold().split("/") if part not in ("", ".")
    ]
    if not parts:
        return ""
    stem = parts[-1].removesuffix(".gz")
    ending = next((each for each in ENDINGS if stem.endswith(each) and stem != each), "")
    parts[-1] = stem.removesuffix(ending)
    return "/".join(parts)


def names_in(file: Path) -> Iterator[str]:
    """Yield the names of a list, one a line."""
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield line.rstrip("\n")


def listed_images(
    images: Mapping[str, Collection[str]], listed: Iterable[str], *, short: bool = False
) -> set[str]:
    """Return the cases of which an image stands on a list.

    A list and a study seldom begin their paths at the same folder. So an image is the same if one
    path ends in the other, by whole parts, or if both end in the same `ENOUGH` parts; a part alone
    counts if it has `SHORTEST` signs.

    Parameters
    ----------
    images
        Path of each image of the study to the cases that it shows.
    listed
        Names on the list, each as `image_name` gives it.
    short
        Whether a part alone counts however short it is: the study comes from that data set.

    """
    by_last: dict[str, list[tuple[list[str], Collection[str]]]] = {}
    for path, cases in images.items():
        parts = image_name(path).split("/")
        by_last.setdefault(parts[-1], []).append((parts, cases))
    found: set[str] = set()
    for name in listed:
        parts = name.split("/")
        for theirs, cases in by_last.get(parts[-1], ()):
            shared = min(len(parts), len(theirs), ENOUGH)
            telling = short or shared > 1 or len(parts[-1]) >= SHORTEST
            if telling and parts[-shared:] == theirs[-shared:]:
                found.update(cases)
    return found

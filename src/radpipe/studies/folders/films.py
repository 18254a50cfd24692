"""What `radpipe check-data` says of DICOM films by their headers, without their pixels."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

from radpipe.core.errors import DataError
from radpipe.core.findings import Finding
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.imaging.dicom.headers import BAD_WINDOW, FilmHeader
from radpipe.imaging.dicom.views import LONGEST_MM
from radpipe.studies.base.contract import Case, unknown_patient
from radpipe.studies.folders.headers import Headers, known
from radpipe.studies.folders.layout import FoldersLayout

Films = Mapping[str, FilmHeader]
# Values of one kind that are listed.
N_LISTED = 8
UNSAID = "not said"
DOUBTFUL = (
    "step ingest leaves them out, unless image.dicom.on_for_processing or image.dicom.on_inverse of"
    " the study says read"
)
LEFT_OUT = "step ingest leaves them out; mend them, or name them under layout.leave_out"


def examine_films(
    headers: Headers, layout: FoldersLayout, cases: Sequence[Case] = ()
) -> Iterator[Finding]:
    """Tell what the headers of DICOM films have in common, and what is odd.

    Parameters
    ----------
    headers
        File to header, or to why it cannot be read; see `headers_of`.
    layout
        What the study asks of headers.
    cases
        Of the study, as far as they could be read.

    """
    films = known(headers)
    if headers:
        yield from _unreadable(headers)
    if films:
        yield from _kinds(films)
        yield from _pixels(films)
        yield from _greys(films)
        yield from _lengths(films)
        yield from _places(films)
        yield from _patients(films, layout, cases)
        yield from _truncated(films)
        yield from _several(films)
        yield from _doubtful(films)


def _unreadable(headers: Headers) -> Iterator[Finding]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for file, found in headers.items():
        if isinstance(found, DataError):
            reasons[str(found)].append(file)
    yield Finding("ok", f"{counted(len(headers), 'DICOM film')}; headers were read, pixels not")
    for reason, files in reasons.items():
        yield Finding("warning", f"{_films(files)}: {reason}: {patterns(files)}", LEFT_OUT)


def _kinds(films: Films) -> Iterator[Finding]:
    """Tell modalities, body parts, devices and transfer syntaxes."""
    every = films.values()
    yield Finding("ok", f"modalities: {_listed(header.facts.modality for header in every)}")
    yield Finding("ok", f"body parts: {_listed(header.facts.body for header in every)}")
    if any(header.device for header in every):
        yield Finding("ok", f"devices: {_listed(header.device for header in every)}")
    yield Finding("ok", f"transfer syntaxes: {_listed(header.syntax for header in every)}")
    for reason, files in _by(films, lambda header: header.undecodable).items():
        way_out = (
            "install it in the environment of radpipe"
            if "pip install" in reason
            else "convert them to another syntax without loss, or leave them out"
        )
        yield Finding("problem", f"{_films(files)}: {reason}: {patterns(files)}", way_out)


def _pixels(films: Films) -> Iterator[Finding]:
    """Tell sizes, bits, and which grey is black."""
    every = films.values()
    sizes = [(header.rows, header.columns) for header in every if header.rows and header.columns]
    if sizes:
        rows, columns = zip(*sizes, strict=True)
        yield Finding(
            "ok",
            f"sizes: {min(rows)} to {max(rows)} rows, {min(columns)} to {max(columns)} columns;"
            f" bits: {_listed(header.bits for header in every)}",
        )
    inverted = sum(header.photometric == "MONOCHROME1" for header in every)
    share = f"; MONOCHROME1, which is turned round, is {inverted / len(films):.0%}"
    listed = _listed(header.photometric for header in every)
    yield Finding("ok", f"pixels: {listed}{share if inverted else ''}")


def _greys(films: Films) -> Iterator[Finding]:
    """Tell what chooses the values that are shown, and what is doubtful about them."""
    every = films.values()
    doubts = {doubt for header in every for doubt in header.doubts}
    for doubt in sorted(doubts):
        files = [file for file, header in films.items() if doubt in header.doubts]
        yield Finding("warning", f"{_films(files)}: {doubt}: {patterns(files)}", DOUBTFUL)
    shown = Counter(header.display for header in every)
    yield Finding("ok", f"what is shown: {_listed(header.display for header in every)}")
    if files := [file for file, header in films.items() if header.display == BAD_WINDOW]:
        yield Finding(
            "warning",
            f"{_films(files)}: {BAD_WINDOW}, so all grey levels are shown: {patterns(files)}",
            "image.dicom.on_bad_window: refuse leaves them out",
        )
    if shown["none"] and len(shown) > 1:
        yield Finding(
            "note",
            f"{counted(shown['none'], 'film has', 'films have')} neither window nor lookup table"
            " and others do: they are shown over all values that their bits allow, and may look"
            " flatter",
        )


def _lengths(films: Films) -> Iterator[Finding]:
    """Tell where spacing comes from, mm."""
    every = films.values()
    by_source: dict[str, list[float]] = defaultdict(list)
    for header in every:
        by_source[header.facts.spacing_source or ""] += header.facts.spacing or ()
    counts: Counter[str] = Counter(header.facts.spacing_source or "" for header in every)
    told = [
        f"{name} {counts[name]:,} ({min(mm):g} to {max(mm):g} mm)"
        for name, mm in sorted(by_source.items())
        if name
    ]
    told += [f"{UNSAID} {counts['']:,}"] if counts[""] else []
    yield Finding("ok", f"spacing: {', '.join(told)}")
    if sum(bool(name) for name in counts) > 1:
        yield Finding(
            "note",
            "spacing of several kinds: in the patient (Pixel Spacing, or at the detector divided by"
            " the magnification) and at the detector, where all is 5 to 20 % larger",
        )


def _places(films: Films) -> Iterator[Finding]:
    """Tell sides and views."""
    every = films.values()
    words = {"R": "right", "L": "left", "B": "both"}
    yield Finding(
        "ok", f"sides in headers: {_listed(words.get(h.facts.shows or '') for h in every)}"
    )
    yield Finding("ok", f"views in headers: {_listed(header.view for header in every)}")


def _patients(films: Films, layout: FoldersLayout, cases: Sequence[Case]) -> Iterator[Finding]:
    """Tell how many patients headers know, where nothing else knows any."""
    named = {header.patient for header in films.values() if header.patient}
    if "patient" in layout.header and layout.key_file is None:
        yield Finding(
            "note",
            "no layout.key_file: patients are hashed with a published key, so that whoever has a"
            " list of Patient IDs can find them out",
            "name a file with a secret of your own, if tables leave your hands",
        )
    unknown = bool(cases) and all(case.patient == unknown_patient(case.case) for case in cases)
    if len(named) > 1 and unknown and "patient" not in layout.header:
        n_films = sum(bool(header.patient) for header in films.values())
        yield Finding(
            "warning",
            f"patients are unknown, and headers name {len(named):,} for {n_films:,} films",
            "layout.header: [patient] takes them, as keyed hashes",
        )


def _truncated(films: Films) -> Iterator[Finding]:
    """Tell of files that end before their pixels do, which a broken copy leaves behind."""
    if files := [file for file, header in films.items() if header.lacking]:
        yield Finding(
            "problem",
            f"{counted(len(files), 'film is', 'films are')} truncated, shorter than rows, columns"
            f" and bits in the header say: {patterns(files)}",
            "copy them once more from where they came from; if they are broken there, too, name"
            " them under layout.leave_out",
        )


def _several(films: Films) -> Iterator[Finding]:
    """Tell of files that hold no picture or more than one, and of stitched films."""
    if files := [file for file, header in films.items() if not header.holds_pixels]:
        what = f"{counted(len(files), 'file holds', 'files hold')} no pixels"
        yield Finding("warning", f"{what}: {patterns(files)}", LEFT_OUT)
    if files := [file for file, header in films.items() if header.frames != 1]:
        most = max(films[file].frames for file in files)
        yield Finding(
            "warning",
            f"{counted(len(files), 'file holds', 'files hold')} several frames, up to {most}, such"
            f" as one for each view; only files of one frame are read: {patterns(files)}",
            "step ingest leaves them out; write each frame into a file of its own, or name them"
            " under layout.leave_out",
        )
    if files := [file for file, header in films.items() if header.stitched]:
        yield Finding(
            "warning",
            f"{counted(len(files), 'film is', 'films are')} most likely stitched (Image Type says"
            f" so, or longer than {LONGEST_MM / 10:.0f} cm): {patterns(files)}",
            "they are read as one picture, in which a joint is small; cut it out (localize), or"
            " name them under layout.leave_out",
        )


def _doubtful(films: Films) -> Iterator[Finding]:
    """Tell of text in the pixels, and of films that are there twice."""
    if burned := [file for file, header in films.items() if header.facts.burned_in]:
        yield Finding(
            "warning",
            f"{counted(len(burned), 'film says', 'films say')} that text stands in the pixels, or"
            f" {'is a capture or scan' if len(burned) == 1 else 'are captures or scans'}:"
            f" {patterns(burned)}",
            "look at some: a name may stand there; step ingest looks at all pixels",
        )
    copies = [files for files in _by(films, lambda h: h.instance).values() if len(files) > 1]
    if copies:
        n = sum(len(files) - 1 for files in copies)
        yield Finding(
            "warning",
            f"{_films(range(n))} more than once: {'its' if n == 1 else 'their'} SOP Instance UID is"
            f" that of another file: {patterns(file for files in copies for file in files)}",
            "they are probably copies; keep one of each",
        )


def _by(films: Films, key: Callable[[FilmHeader], str]) -> dict[str, list[str]]:
    """Return what headers say, unless it is empty, to the files that say it."""
    found: dict[str, list[str]] = defaultdict(list)
    for file, header in films.items():
        if said := key(header):
            found[said].append(file)
    return found


def _listed(said: Iterable[Hashable]) -> str:
    """Count values, the most frequent first: "DX 180, CR 20, not said 3"."""
    counts = Counter(said)
    unsaid = sum(counts.pop(nothing, 0) for nothing in (None, ""))
    listed = [f"{value} {n:,}" for value, n in counts.most_common(N_LISTED)]
    rest = sum(counts.values()) - sum(n for _, n in counts.most_common(N_LISTED))
    listed += [f"others {rest:,}"] if rest else []
    return ", ".join(listed + ([f"{UNSAID} {unsaid:,}"] if unsaid else []))


def _films(files: Sequence[object]) -> str:
    return counted(len(files), "film")

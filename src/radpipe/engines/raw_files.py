"""Whether files that studies read in place are still those that `fetch` has listed.

Receipts hold the manifest and not the files, which are no output of an engine and may be a hundred
thousand on a network disk: planning does not look at them. Steps do before they read them.
"""

from collections.abc import Iterator
from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.params import Params
from radpipe.core.settings import PathSource, Study


def changed_since_fetch(params: Params) -> Iterator[str]:
    """Say of which studies files were added, taken away, or changed in size since `fetch`.

    Names are compared and sizes, no contents: a file that was changed in place and is as long as
    before is told by `ingest`, which reads it. Studies whose files are not on this machine are left
    out.
    """
    for name, study in params.studies.items():
        manifest = Path("data", name, "manifest.csv")
        if not isinstance(study.source, PathSource) or not manifest.is_file():
            continue
        try:
            counts = _counts(name, study, manifest)
        except (RadpipeError, OSError) as error:
            yield f"raw files of {name} cannot be compared with {manifest}: {error}"
            continue
        if counts:
            yield (
                f"raw files of {name}: {', '.join(counts)} since fetch listed them, so that nothing"
                f" above knows them yet. The way out: put them back, or delete {manifest} and run."
            )


def _counts(name: str, study: Study, manifest: Path) -> list[str]:
    # These load Arrow and NumPy, for which studies of other sources need not wait.
    from radpipe.studies.base.manifest import differences, read_manifest
    from radpipe.studies.base.sources import raw_root

    raw = raw_root(name, study)
    found = differences(raw, read_manifest(manifest)) if raw.is_dir() else {}
    return [f"{len(files)} {what}" for what, files in found.items() if files]

"""Where what lasts of a project is: DVC runs queued experiments in copies of its folder."""

from pathlib import Path

# Below a project: what `dvc exp run --temp` and `--queue` run in.
COPIES = (".dvc", "tmp", "exps")


def home(folder: Path = Path()) -> Path:
    """Return the folder of the project itself, which `folder` may be a copy of.

    A copy is thrown away when its experiment has ended, so what must last, or what several runs at
    once must share, lies in the project itself.

    Returns
    -------
    Path
        `folder` as given if it is no copy, else an absolute path.

    """
    parts = folder.absolute().parts
    for place in range(1, len(parts) - len(COPIES)):
        if parts[place : place + len(COPIES)] == COPIES:
            return Path(*parts[:place])
    return folder

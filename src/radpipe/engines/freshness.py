"""Which runs have to be made again: receipts alone decide, whatever made the files.

Snakemake compares times and its own notes, DVC compares its lock file; neither knows what
the other did (see docs/architecture.md, "The two engines"). A receipt knows.
"""

from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.files import sha256_bytes
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.receipts import (
    RECEIPTS,
    Receipt,
    code_hashes,
    disagreements,
    likely_runs,
    read_maker,
    read_receipt,
    receipt_path,
)
from radpipe.core.recipe import artifacts_of, make_recipe, parts_text, stored_image
from radpipe.core.starting import ancestors, start_of


class Freshness:
    """Answers "must this run be made again?", and why.

    Parameters
    ----------
    params
        The settings of now.
    trust_memory
        Believe remembered hashes of files whose size, time and inode are unchanged.

    Attributes
    ----------
    forced
        Steps that the user wants to run again, whatever their receipts say.

    Notes
    -----
    Answers are given once and repeated until `look_again`: planning a thousand runs asks ten
    thousand times while nothing changes.

    """

    def __init__(self, params: Params, *, trust_memory: bool = True) -> None:
        self.params = params
        self.forced: set[str] = set()
        self.hashes = Hashes(trust_memory=trust_memory)
        self._receipts: dict[Path, tuple[int, Receipt]] = {}
        self.look_again()

    def look_again(self) -> None:
        """Forget all answers, because files may have changed."""
        self._answers: dict[Path, list[str]] = {}
        self._makers: dict[str, Path | None] = {}
        self._code: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
        self._recipes: dict[str, dict[str, str]] = {}
        self._listed: dict[str, list[Path]] = {}

    def reasons(self, step: str, run: str) -> list[str]:
        """List why a run must be made again, its own reasons first; empty if it need not.

        A run must also be made again when a run that makes one of its inputs must. A recipe
        that is made again counts by what it will hold, if that can be known: see `settled`.
        """
        return self._reasons(receipt_path(step, run))

    def own_reasons(self, step: str, run: str) -> list[str]:
        """List what disagrees with the run's own receipt, without asking its makers."""
        return self._own(receipt_path(step, run), {})

    def settled(self, variant: str) -> bool:
        """Tell whether store, split and starting weights of a variant stay what they are.

        Its recipe can then be foreseen: it depends on nothing but them and the settings.
        """
        return self._stays(*self.params.variants[variant].inputs.values())

    def waits_for(self, variant: str) -> list[tuple[str, str]]:
        """List the steps and studies that must be done before a variant can be planned.

        The split of its own study and the crops that it is trained on, and those of the variants
        that it starts from. Starting weights that are to be trained again are no reason to wait:
        what starts from them is trained again, too.
        """
        waits: list[tuple[str, str]] = []
        for name in [variant, *ancestors(variant, self.params.variants)]:
            each = self.params.variants[name]
            if self._stays(each.inputs["store"], each.inputs["split"]):
                continue
            waits.append(("split", each.study))
            if each.localized is not None:
                waits.append(("localize", each.localized))
        return list(dict.fromkeys(waits))

    def _stays(self, *names: str) -> bool:
        return all(Path(name).exists() and not self._remade(name) for name in names)

    def _reasons(self, path: Path) -> list[str]:
        if path not in self._answers:
            self._answers[path] = []  # a receipt cannot be its own ancestor; this ends any circle
            self._answers[path] = self._own_or_inherited(path)
        return self._answers[path]

    def _own_or_inherited(self, path: Path) -> list[str]:
        try:
            inputs = self._receipt(path).inputs if path.exists() else {}
        except RadpipeError as error:
            return [str(error)]
        foreseen = {name: digest for name in inputs if (digest := self._foreseen(name))}
        words = {
            f"input {name}: changed": f"recipe {Path(name).parent.name} will be another one"
            for name in foreseen
        }
        found = [words.get(line, line) for line in self._own(path, foreseen)]
        if not found:
            makers = [self._maker(name) for name in inputs if name not in foreseen]
            found = [
                f"{maker.parent.name} {maker.stem} is made again"
                for maker in makers
                if maker and self._reasons(maker)
            ]
        return found

    def _own(self, path: Path, foreseen: dict[str, str]) -> list[str]:
        if path.parent.name in self.forced:
            return ["asked for"]
        if not path.exists():
            return ["no receipt"]
        try:
            receipt = self._receipt(path)
            code = self._code_of(receipt)
            return disagreements(receipt, self.params, self.hashes, code=code, foreseen=foreseen)
        except RadpipeError as error:
            return [str(error)]

    def _remade(self, name: str) -> bool:
        """Tell whether a step will write this file or folder again."""
        maker = self._maker(name)
        return maker is not None and bool(self._reasons(maker))

    def _maker(self, name: str) -> Path | None:
        """Find the receipt that vouches for a file or folder, or that planned weights lack."""
        if name not in self._makers:
            try:
                receipt = self._likely_maker(name) or read_maker(name, self._receipt)
            except RadpipeError:
                receipt = None  # reported when the run itself is asked about
            self._makers[name] = receipt.path if receipt else self._missing_maker(name)
        return self._makers[name]

    def _likely_maker(self, name: str) -> Receipt | None:
        """Find the maker among the receipts whose run is named after parts of the path.

        What `read_maker` looks at first, but from a list of all receipts that is made once: asking
        the disk for every name that a run might have takes as long as the rest of planning.
        """
        if not self._listed:
            for path in sorted(RECEIPTS.glob("*/*.json")):
                self._listed.setdefault(path.stem, []).append(path)
        for run in likely_runs(Path(name)):
            for path in self._listed.get(run, ()):
                receipt = self._sound_receipt(path)
                if receipt and name in receipt.outputs:
                    return receipt
        return None

    def _sound_receipt(self, path: Path) -> Receipt | None:
        """Read a receipt; none if its run has begun anew, or if it proves nothing."""
        try:
            return self._receipt(path)
        except (FileNotFoundError, RadpipeError):
            return None

    def _missing_maker(self, name: str) -> Path | None:
        """Return where the receipt of planned weights should lie, if there is none."""
        start = start_of(name)
        if start is None or start.variant not in self.params.variants:
            return None
        path = receipt_path("train", start.run)
        return None if path.exists() else path

    def _foreseen(self, name: str) -> str | None:
        """Return the hash that a file beside a recipe will have, if it is made again and known."""
        path = Path(name)
        variant = path.parent.name
        if path.parent != Path("results/runs", variant):
            return None
        if variant not in self._recipes:
            self._recipes[variant] = self._foresee(variant)
        return self._recipes[variant].get(path.name)

    def _foresee(self, name: str) -> dict[str, str]:
        if name not in self.params.variants or not self.settled(name):
            return {}
        if not self._reasons(receipt_path("recipe", name)):
            return {}
        variant = self.params.variants[name]
        study = self.params.studies[variant.study]
        try:
            recipe = make_recipe(
                name,
                variant,
                target=study.target,
                image=stored_image(Path(variant.store), study.image),
                artifacts=artifacts_of(variant.inputs, self.hashes),
                presets=Path("presets"),
            )
        except RadpipeError:
            return {}  # the step itself will say what is wrong
        parts = parts_text(variant.study, self.params.plan.open_test)
        texts = {"recipe.json": recipe.text, "parts.json": parts}
        return {file: sha256_bytes(text.encode()) for file, text in texts.items()}

    def _receipt(self, path: Path) -> Receipt:
        changed = path.stat().st_mtime_ns
        known = self._receipts.get(path)
        if known is None or known[0] != changed:
            known = (changed, read_receipt(path))
            self._receipts[path] = known
        return known[1]

    def _code_of(self, receipt: Receipt) -> dict[str, str]:
        key = (receipt.step, receipt.layers)
        if key not in self._code:
            self._code[key] = code_hashes(*key, self.hashes)
        return self._code[key]

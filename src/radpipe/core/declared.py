"""What a step is: the `STEP` of its script, read from the source.

It is not imported, because scripts import torch.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any

from radpipe.core.errors import RadpipeError
from radpipe.core.sources import parsed, source_of

SCRIPTS = Path("workflow/scripts")
# The package whose modules register architectures.
ARCHITECTURES = "radpipe.learning.models"

# What a step is repeated over, to the wildcards that name one of its runs.
LOOPS: dict[str, tuple[str, ...]] = {
    "": (),
    "studies": ("study",),
    "localize": ("study",),
    "cohorts": ("study",),
    "features": ("study", "backbone"),
    "variants": ("variant",),
    "explain": ("variant",),
    "ensembles": ("ensemble",),
    "imported": ("imported",),
    "starts": ("start",),
    "runs": ("variant", "fold", "seed"),
}
RUN_NAMES = {
    (): "all",
    ("study",): "{study}",
    ("study", "backbone"): "{study}-{backbone}",
    ("variant",): "{variant}",
    ("ensemble",): "{ensemble}",
    ("imported",): "{imported}",
    ("start",): "{start}",
    ("variant", "fold", "seed"): "{variant}-fold-{fold}-seed-{seed}",
}
Values = Mapping[str, str | int]
# What a template may name that stands for several files, or for none.
PLURALS = (
    "cropped",
    "further",
    "studies",
    "starts",
    "localized",
    "cohorts",
    "variants",
    "explained",
    "compared",
    "members",
    "home_variants",
    "home_ensembles",
    "home_compared",
    "folds",
    "seeds",
)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a step is: read from the `STEP` of its script.

    Paths, settings and modules are templates. They may name a wildcard of the loop ({study},
    {variant}, {fold}, {seed}, {ensemble}, {imported}, {start}, {backbone}); what `params.yaml` says
    of the study, variant, backbone or imported predictions ({adapter}; {study}, {store}, {weights},
    {architectures}; {predictions}; of a cohort {home}); and a plural, which stands for all that are
    planned ({studies}, {starts}, {localized}, {variants}, {explained}, {folds}, {seeds}, {cohorts};
    {compared}, variants, ensembles and imported ones; of an ensemble {members}; of a cohort
    {home_variants}, {home_ensembles} and both, {home_compared}; {cropped}, of a variant the study
    whose crops it is trained on, of a cohort itself if its crops are needed, else nothing;
    {further}, the further starts of a variant).

    Attributes
    ----------
    name
        The one word shared by rule, stage, script, log folder and test.
    about
        The script's docstring; its first line is the help text.
    each
        What it is repeated over, one of `LOOPS`.
    reads, writes
        Name to path: `reads` are checked and hashed before the work, `writes` hashed after it.
    settings
        Dotted paths in `params.yaml`; "a.b|c" stands for a.b and a.c.
    loads
        Modules that are loaded by name; "radpipe.x.*" stands for all of a package.
    keeps
        Name of an output to who keeps it: "git", "metrics" (Git, shown by DVC) or "remote" (the
        study's own DVC remote); by default "remote" below data/ and DVC's default one elsewhere.
    threads, mem_mb, runtime
        Processors, memory (MiB) and time (minutes) that a job asks of a cluster by default; 0:
        what the profile says.

    """

    name: str
    about: str
    each: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
    writes: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    keeps: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    mem_mb: int = 0
    runtime: int = 0

    @property
    def wildcards(self) -> tuple[str, ...]:
        """What names one of its runs."""
        return LOOPS[self.each]

    @property
    def script(self) -> Path:
        """Where it lies."""
        return SCRIPTS / f"{self.name}.py"

    def run_name(self, values: Values) -> str:
        """Return the name of one run, such as "bones-v1-fold-0-seed-0"."""
        return RUN_NAMES[self.wildcards].format(**values)

    @property
    def command(self) -> str:
        """The command line, with a placeholder for each wildcard."""
        options = "".join(f" --{name} {{{name}}}" for name in self.wildcards)
        return f"python {self.script}{options}"

    def keeper(self, output: str) -> str:
        """Return who keeps an output: "git", "metrics", "remote" or "cache" (DVC's default)."""
        restricted = self.writes[output].startswith("data/")
        return self.keeps.get(output, "remote" if restricted else "cache")


def read_steps(folder: Path = SCRIPTS) -> dict[str, Declared]:
    """Read the `STEP` of every script, without importing one.

    Raises
    ------
    RadpipeError
        A script has no `STEP`, or one that is no plain description; or it imports what lies beside
        it.

    """
    return {script.stem: _read_step(script) for script in sorted(folder.glob("*.py"))}


def _refuse_neighbours(script: Path) -> None:
    """Refuse a script that imports files beside it: no receipt would say that they have changed."""
    beside = {path.stem for path in script.parent.iterdir() if path != script}
    if found := sorted(beside.intersection(source_of(script).libraries)):
        raise RadpipeError(
            f"{script}: imports {', '.join(found)}, which lies beside it and is no part of radpipe,"
            " so no receipt would say when it changes. The way out: move what both need into"
            " src/radpipe, or into a package that you install."
        )


def _read_step(script: Path) -> Declared:
    tree = parsed(script)
    _refuse_neighbours(script)
    about = ast.get_docstring(tree) or ""
    try:
        step = Declared(name=script.stem, about=about, **_given(script, tree))
    except (ValueError, TypeError) as error:
        raise RadpipeError(
            f"{script}: STEP must be a plain call, Step(name, __doc__, each=...,"
            f" reads={{...}}, writes={{...}}, ...), with nothing in it to compute: {error}"
        ) from error
    if step.each not in LOOPS:
        raise RadpipeError(f"{script}: each={step.each!r}; allowed: {', '.join(map(repr, LOOPS))}.")
    return step


def _given(script: Path, tree: ast.Module) -> dict[str, Any]:
    """Return what a script's STEP is given by name.

    Raises
    ------
    RadpipeError
        The script declares none.
    ValueError
        Something in it would have to be computed.

    """
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "STEP":
            words = node.value.keywords if isinstance(node.value, ast.Call) else []
            return {word.arg or "": ast.literal_eval(word.value) for word in words}
    raise RadpipeError(f"{script}: a step's script declares STEP = Step(...).")


def fields_in(template: str) -> list[str]:
    """List what a template names."""
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def filled(template: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Fill in a template; one path for each combination of what its plurals stand for."""
    many = {name: fields[name] for name in fields_in(template) if isinstance(fields[name], list)}
    return tuple(
        template.format_map({**fields, **dict(zip(many, values, strict=True))})
        for values in product(*many.values())
    )

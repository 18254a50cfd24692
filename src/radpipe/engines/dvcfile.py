"""`radpipe dvc`: writes the stages of dvc.yaml from what the scripts of the steps declare.

Everything after the stages, such as plots, is written by hand and kept.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from radpipe.core.declared import PLURALS, Declared, fields_in
from radpipe.core.errors import RadpipeError
from radpipe.core.graph import Graph
from radpipe.core.params import Params
from radpipe.engines.plan import PLAN, RECIPES

DVC_FILE = Path("dvc.yaml")
WIDTH = 100

HEAD = """\
# The same steps, commands, inputs and outputs as the Snakefile, for DVC to record.
# Written by `radpipe dvc` from the scripts in workflow/scripts; what follows the stages is kept.
# docs/why/two-engines.md says how the two engines work together.
stages:

  # Put down what runs depend on, settings, code and libraries' versions, in small files: DVC would
  # read all of params.yaml and walk every folder of code for each run. Snakemake has no such rule.
  plan:
    cmd: python -m radpipe.app plan
    deps:
      - workflow/scripts
      - presets
{code}    params:
      - studies
      - localize
      - features
      - variants
      - plan
      - explain
      - evaluation
    outs:
      - results/plan:
          cache: false
      - results/cohorts/plan.json:
          cache: false
      - results/starts/plan.json:
          cache: false
      - results/explanations/plan.json:
          cache: false
      # Links to a file of each library that says its version. A stage with an output that persists
      # is never taken from DVC's run cache, whose key knows nothing of libraries.
      - .state/libraries:
          cache: false
          persist: true

  # Resolve a variant whose data are there: what its runs depend on. Snakemake has no such rule.
  recipe:
    foreach: ${{variants}}
    do:
      cmd: python -m radpipe.app recipe ${{key}}
      deps:
        - results/plan/recipe/${{key}}.json
        - ${{item.store}}
        - data/${{item.study}}/split.parquet
        - ${{item.weights}}
        - results/starts
      outs:
        - results/recipes/${{key}}.json:
            cache: false
"""

# How DVC repeats a stage, and what its templates call the wildcards.
LOOPS: dict[str, tuple[str, dict[str, str]]] = {
    "": ("", {}),
    "studies": ("foreach: ${studies}", {"study": "${key}", "remote": "${item.remote}"}),
    "localize": ("foreach: ${localize}", {"study": "${key}", "remote": "${item.remote}"}),
    "cohorts": ("foreach: ${plan.cohorts}", {"study": "${key}", "home": "${item}"}),
    "features": (
        "foreach: ${features}",
        {
            "backbone": "${key}",
            "study": "${item.study}",
            "store": "${item.store}",
            "weights": "${item.weights}",
            "remote": "${item.remote}",
        },
    ),
    "variants": ("foreach: ${plan.variants}", {"variant": "${item}"}),
    "explain": (
        "foreach: ${explain}",
        {"variant": "${key}", "study": "${item.study}", "remote": "${item.remote}"},
    ),
    "ensembles": ("foreach: ${plan.ensembles}", {"ensemble": "${key}"}),
    "imported": (
        "foreach: ${plan.imported}",
        {"imported": "${key}", "study": "${item.study}", "predictions": "${item.predictions}"},
    ),
    "starts": ("foreach: ${plan.starts}", {"start": "${item}"}),
    "runs": (
        "matrix:\n  variant: ${plan.variants}\n  fold: ${plan.folds}\n  seed: ${plan.seeds}",
        {"variant": "${item.variant}", "fold": "${item.fold}", "seed": "${item.seed}"},
    ),
}


# What DVC looks at instead of files that only some runs of a loop read: it would fail without them.
# Crops have a summary there.
STARTS = "results/starts"
INSTEAD = {"cropped": "results/studies/{study}"}
# Loops that know a variant by name, whose store, split and start stand in its recipe.
BY_RECIPE = ("runs", "explain")


def write_dvc_file(params: Params) -> None:
    """Write the stages of dvc.yaml from what scripts declare."""
    DVC_FILE.write_text(dvc_text(Graph(params).steps, kept()), encoding="utf-8")
    log.info("wrote %s", DVC_FILE)


log = logging.getLogger("radpipe.engines")


def kept() -> str:
    """Return what stands behind the stages of dvc.yaml: comments and blocks of its own."""
    if not DVC_FILE.exists():
        return ""
    text = DVC_FILE.read_text(encoding="utf-8")
    found = re.search(r"\n((?:#[^\n]*\n)*(?!stages:)[a-z]+:\n)", text[text.find("stages:") :])
    return text[text.find("stages:") :][found.start(1) :] if found else ""


def dvc_text(steps: Mapping[str, Declared], tail: str) -> str:
    """Return the text of dvc.yaml; `tail` is what follows the stages."""
    code = "      - src/radpipe\n" if Path("src/radpipe").is_dir() else ""
    stages = (_stage(step) for step in steps.values())
    return "\n".join([HEAD.format(code=code), *stages, *([tail] if tail else [])])


def _stage(step: Declared) -> str:
    loop, names = LOOPS[step.each]
    body = [*_command(step, names), "deps:", *_items(_deps(step, names)), *_outs(step, names)]
    foreach = loop.startswith("foreach")
    lines = [f"# {step.about.partition(chr(10))[0]}", f"{step.name}:"]
    lines += [f"  {line}" for line in [*loop.splitlines(), *(["do:"] if foreach else [])]]
    lines += [f"{'    ' if foreach else '  '}{line}" for line in body]
    return "".join(f"  {line}\n" for line in lines)


def _command(step: Declared, names: Mapping[str, str]) -> list[str]:
    return [f"cmd: {step.command.format_map(names)}"]


def _deps(step: Declared, names: Mapping[str, str]) -> Iterator[str]:
    """Yield what a stage depends on; a plural becomes the folder above, which DVC takes whole."""
    own = [names[name] for name in step.wildcards if name not in ("fold", "seed")]
    yield f"{PLAN}/{step.name}/{'-'.join(own) or 'all'}.json"
    if step.each in BY_RECIPE:
        yield f"{RECIPES}/{names['variant']}.json"
    found = []
    for template in step.reads.values():
        fields = fields_in(template)
        if all(name in names for name in fields):
            found.append(template.format_map(names))
            # Of weights that others learned, the loop knows the descriptor alone.
            found += [STARTS] if template == "{weights}" else []
        elif step.each == "cohorts" and (known := [INSTEAD[n] for n in fields if n in INSTEAD]):
            found += [instead.format_map(names) for instead in known]
        elif step.each != "runs" and any(name in PLURALS for name in fields):
            found.append(_folder_above(template).format_map(names))
        elif step.each not in BY_RECIPE:
            raise RadpipeError(
                f"{step.script}: reads {template}, and DVC's loop over {step.each!r} knows only"
                f" {', '.join(names)}."
            )
    yield from dict.fromkeys(found)


def _folder_above(template: str) -> str:
    """Return the part of a path above the first folder or file that is named by a plural."""
    parts = Path(template).parts
    first = next(k for k, part in enumerate(parts) if set(fields_in(part)) & set(PLURALS))
    return str(Path(*parts[:first]))


def _outs(step: Declared, names: Mapping[str, str]) -> list[str]:
    outs, metrics = ["outs:"], []
    for name, template in step.writes.items():
        path, keeper = template.format_map(names), step.keeper(name)
        if keeper == "metrics":
            metrics += [f"  - {path}:", "      cache: false"]
        elif keeper == "git":
            outs += [f"  - {path}:", "      cache: false"]
        elif keeper == "remote" and "remote" in names:
            outs += [f"  - {path}:", f"      remote: {names['remote']}"]
        else:
            outs.append(f"  - {path}")
    receipt = f"results/receipts/{step.name}/{step.run_name(names)}.json"
    outs += [f"  - {receipt}:", "      cache: false"]
    return outs + (["metrics:", *metrics] if metrics else [])


def _items(paths: Iterator[str]) -> list[str]:
    return [f"  - {path}" for path in paths]

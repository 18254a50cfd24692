"""The text of params.yaml that `radpipe init` writes: the shortest that runs."""

from typing import Any

import yaml

from radpipe.app.init.study import SeenStudy

HEAD = """\
# yaml-language-server: $schema=params.schema.json
# Everything that runs. What each setting means, and which others there are: params.schema.json.
"""
VARIANTS = """
variants:
  # Logistic regression on 16 x 16 averages: what a network must beat.
  {name}-floor:
    study: {name}
    store: data/{name}/store
    preset: {book}/floor
    weights: weights/random.json
  # A small residual network, trained from random weights.
  {name}-compact:
    study: {name}
    store: data/{name}/store
    preset: {book}/compact
    weights: weights/random.json
"""
REST = """
localize: {{}}
features: {{}}
plan:
  variants:
    - {name}-floor
    - {name}-compact
  folds:
    - 0
  seeds:
    - 0
  # The test part stays closed until all choices are made; then: open_test: [{name}]
  open_test: []
  cohorts: {{}}
  starts: []
  ensembles: {{}}
  # Answers of readers or other systems; docs/how-to/imported-predictions.md.
  imported: {{}}
# Maps of where variants look; docs/how-to/explanations.md.
explain: {{}}
evaluation: {{}}
"""
# What a project without --images runs: synthetic radiographs.
PHANTOM: dict[str, Any] = {
    "adapter": "folders",
    "source": {"kind": "phantom", "patients": 200},
    "remote": None,
    "layout": {"path": "{class}/{patient}-{_}"},
    "target": {"kind": "multi-class", "classes": ["healthy", "fractured", "beyond_repair"]},
    "image": {"side": 64},
    "split": {"seed": 1, "on_leak": "group"},
}


def settings_text(name: str, study: dict[str, Any], *, about: str) -> str:
    """Write params.yaml for one study with a baseline and a quick network.

    Parameters
    ----------
    name
        Of the study.
    study
        Its block.
    about
        A comment of one line above it.

    """
    block = yaml.safe_dump(
        {name: study}, sort_keys=False, allow_unicode=True, default_flow_style=False, width=96
    )
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    return (
        f"{HEAD}\nstudies:\n  # {about}\n{indented}"
        f"{VARIANTS.format(name=name, book='pictures')}{REST.format(name=name)}"
    )


def study_block(seen: SeenStudy) -> dict[str, Any]:
    """Write the block of a study that was looked at."""
    proposal, look = seen.proposal, seen.look
    image: dict[str, Any] = {"side": look.side}
    if look.colour:
        image["channels"] = "colour"
    if look.deep:
        image["bits"] = 16
    return {
        "adapter": "folders",
        "source": {"kind": "path", "path": str(seen.raw)},
        "remote": None,
        "layout": proposal.layout,
        "target": {"kind": proposal.kind, "classes": proposal.classes},
        "image": image,
        "split": {"seed": 1, "on_leak": proposal.on_leak},
    }

"""The command `radpipe`: what belongs to the project as a whole and to no step."""

import argparse
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.params import Params, Preset, load_params, load_preset
from radpipe.engines.record import record, sync, verify
from radpipe.engines.run import run

SCHEMA = Path("params.schema.json")

log = logging.getLogger("radpipe")


def check_settings(params: Params) -> None:
    """Check params.yaml and every preset it names; say what would run."""
    for name, variant in params.variants.items():
        overrides = {"model": variant.model, "train": variant.train, "augment": variant.augment}
        load_preset(variant.preset, overrides, where=f"variants.{name}", root=Path("presets"))
    runs = len(params.plan.variants) * len(params.plan.folds) * len(params.plan.seeds)
    log.info("settings are sound: studies=%d runs=%d", len(params.studies), runs)


def check_receipts(params: Params) -> None:
    """Compare every receipt of the plan with the settings, code and files of now."""
    lines = verify(params)
    for line in lines:
        log.warning("%s", line)
    if lines:
        raise RadpipeError(f"{len(lines)} disagreements; snakemake makes these runs again.")
    log.info("every receipt agrees")


def write_schema(_: Params) -> None:
    """Write the JSON Schema of params.yaml, for editors."""
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
    log.info("wrote %s", SCHEMA)


def schema() -> dict[str, object]:
    """Return the JSON Schema of params.yaml, with that of presets beside it."""
    return {**Params.model_json_schema(), "$comment": "written by: radpipe schema"} | {
        "x-preset": Preset.model_json_schema()
    }


COMMANDS: dict[str, Callable[[Params], None]] = {
    "run": run,
    "check": check_settings,
    "verify": check_receipts,
    "record": record,
    "sync": sync,
    "schema": write_schema,
}


def main() -> None:
    """Run one command; exit with 2 and one message if the user can mend what is wrong."""
    parser = argparse.ArgumentParser(prog="radpipe", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        about = (command.__doc__ or "").partition("\n")[0]
        commands.add_parser(name, help=about, description=about)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        COMMANDS[args.command](load_params())
    except RadpipeError as error:
        log.error("%s", error)
        sys.exit(2)

"""The command `radpipe`: what belongs to the project as a whole and to no step."""

import argparse
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from radpipe.app.options import Completion, add_options
from radpipe.app.predictor import export, predict
from radpipe.app.telemetry import telemetry
from radpipe.core.ctrl_c import ending_at_ctrl_c
from radpipe.core.errors import ConfigError, DataError, RadpipeError, unknown_name
from radpipe.core.findings import Finding, summary
from radpipe.core.masking import names_shown
from radpipe.core.params import Params, load_params
from radpipe.core.places import not_written
from radpipe.core.plurals import counted
from radpipe.core.presets import Preset
from radpipe.engines.doctor import examine
from radpipe.engines.dvcfile import write_dvc_file
from radpipe.engines.efficiency import efficiency
from radpipe.engines.experiments import experiments
from radpipe.engines.machines import made_elsewhere, other_pythons
from radpipe.engines.plan import write_plan, write_recipes
from radpipe.engines.preview import preview
from radpipe.engines.raw_files import changed_since_fetch
from radpipe.engines.record import record, sync, verify
from radpipe.engines.run import run
from radpipe.engines.status import standings, table
from radpipe.engines.sweep import sweep

SCHEMA = Path("params.schema.json")
PARAMS = Path("params.yaml")
# Commands that need no project around them.
ANYWHERE = ("init", "predict", "app")
SHELLS = ("bash", "zsh", "tcsh", "fish", "powershell")

log = logging.getLogger("radpipe")


# Modules that load NumPy and Arrow are imported where they are used: most commands need neither.


def begin(folder: Path, **options: Any) -> None:
    """Make a project in a new folder, for the pictures that lie in another one."""
    from radpipe.app.init.command import init

    init(folder, **options)


def run_all(params: Params, *, verbose: bool = False) -> None:
    """Make everything that params.yaml plans, on all cores of this machine."""
    from radpipe.app.outcome import outcome

    for name in params.plan.variants:
        # What cannot be is told in one message; Snakemake would add where it was when it asked.
        params.recipes[name]
    for name in params.explain:
        params.explained[name]
    run(params, verbose=verbose)
    sys.stdout.write(f"\n{outcome(params)}\n")


def check_settings(params: Params) -> None:
    """Check params.yaml and everything that it names; say what would run."""
    from radpipe.app.check import mistakes

    wrong = list(mistakes(params))
    if wrong:
        raise ConfigError("\n".join(wrong))
    runs = len(params.plan.variants) * len(params.plan.folds) * len(params.plan.seeds)
    plan = params.plan
    counts = (len(params.studies), runs, len(plan.ensembles), len(plan.imported))
    log.info(
        "settings are sound: studies=%d runs=%d ensembles=%d imported=%d explained=%d",
        *(*counts, len(params.explain)),
    )


def check_receipts(params: Params) -> None:
    """Compare every receipt of the plan with the settings, code and files of now."""
    lines = verify(params)
    for line in lines:
        log.warning("%s", line)
    if lines:
        raise RadpipeError(
            f"{counted(len(lines), 'disagreement')}; snakemake makes these runs again."
        )
    log.info("every receipt agrees")
    for line in [*made_elsewhere(params), *other_pythons(params)]:
        log.info("%s", line)


def examine_machine(params: Params, *, slurm: bool = False) -> None:
    """Tell what will go wrong on this machine before it does, and the way out."""
    _show(examine(params, slurm=slurm))


def check_data(params: Params, study: str, path: Path | None = None) -> None:
    """Tell what is missing or odd in a data set before anything runs.

    Names of files are shown: this goes to the terminal of who has the files, and nowhere else.
    """
    from radpipe.studies.base.adapters import load_adapter, read_layout
    from radpipe.studies.base.manifest import list_files
    from radpipe.studies.base.sources import raw_root

    if study not in params.studies:
        raise unknown_name("study", study, params.studies)
    settings = params.studies[study]
    adapter = load_adapter(settings.adapter)
    layout = read_layout(study, adapter, settings.layout)
    raw = path or raw_root(study, settings)
    if not raw.is_dir():
        raise DataError(f"{raw}: there is no such folder; give the one that holds the data set.")
    files = list_files(raw)
    with names_shown():
        findings = adapter.examine(raw, files=files, layout=layout, target=settings.target)
    _show(((study, finding) for finding in findings), end=f"\n{summary(findings)}\n")


def _show(findings: Iterable[tuple[str, Finding]], end: str = "") -> None:
    """Write findings one a line, each as soon as it is there; refuse if any is a problem.

    `end` is written behind the last.
    """
    n_problems, ways_out = 0, False
    for name, finding in findings:
        sys.stdout.write(f"{finding.level:<8} {name:<9} {finding.what}\n")
        if finding.way_out:
            sys.stdout.write(f"{'':<18} {finding.way_out}\n")
        sys.stdout.flush()
        n_problems += finding.level == "problem"
        ways_out |= finding.level == "problem" and bool(finding.way_out)
    sys.stdout.write(end)
    if n_problems:
        rest = "; the way out is below each" if ways_out else ""
        raise RadpipeError(f"Problems: {n_problems}{rest}.")


def show_status(params: Params) -> None:
    """Show what is done, running, stale or failed."""
    sys.stdout.write(table(standings(params)) + "\n")
    for line in changed_since_fetch(params):
        sys.stdout.write(f"\n{line}\n")


def show_efficiency(params: Params) -> None:
    """Show what steps asked for and what they used."""
    sys.stdout.write(efficiency(params) + "\n")


def show_experiments(_: Params) -> None:
    """Show DVC's experiments in the few columns that matter."""
    sys.stdout.write(experiments(shutil.get_terminal_size((120, 24)).columns) + "\n")


def pack_failure(params: Params, **options: Any) -> None:
    """Put into one archive what somebody needs to make a run's failure again."""
    from radpipe.engines.reproduce import reproduce

    reproduce(params, **options)


def draw_network(params: Params, **options: Any) -> None:
    """Draw the network of a variant: its layers, their outputs and parameters."""
    from radpipe.app.network import network

    network(params, **options)


def write_schema(_: Params) -> None:
    """Write the JSON Schema of params.yaml, for editors."""
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
    log.info("wrote %s", SCHEMA)


def schema() -> dict[str, object]:
    """Return the JSON Schema of params.yaml, with that of presets beside it."""
    return {**Params.model_json_schema(), "$comment": "written by: radpipe schema"} | {
        "x-preset": Preset.model_json_schema()
    }


def show_proposal(params: Params, *, study: str) -> None:
    """Print settings that fit a study, as text for params.yaml."""
    from radpipe.app.propose import propose

    propose(params, study=study)


def show_learning_curve(params: Params, **options: Any) -> None:
    """Print variants that learn from shares of the patients, as text for params.yaml."""
    from radpipe.app.learning_curve import learning_curve

    learning_curve(params, **options)


def show_page(**options: Any) -> None:
    """Show a model at work in the browser: a case, its maps, and how sure the answer is."""
    from radpipe.app.viewer.serve import app

    app(**options)


def make_readers(params: Params, *, study: str) -> None:
    """Make up readers of a phantom, to try a reader study with."""
    from radpipe.app.readers import make_readers as make

    make(params, study=study)


COMMANDS: dict[str, Callable[..., None]] = {
    "init": begin,
    "run": run_all,
    "preview": preview,
    "sweep": sweep,
    "check": check_settings,
    "check-data": check_data,
    "propose": show_proposal,
    "learning-curve": show_learning_curve,
    "readers": make_readers,
    "doctor": examine_machine,
    "status": show_status,
    "efficiency": show_efficiency,
    "experiments": show_experiments,
    "verify": check_receipts,
    "reproduce": pack_failure,
    "record": record,
    "sync": sync,
    "telemetry": telemetry,
    "network": draw_network,
    "plan": write_plan,
    "recipe": write_recipes,
    "dvc": write_dvc_file,
    "export": export,
    "predict": predict,
    "app": show_page,
    "schema": write_schema,
}


def main() -> None:
    """Run one command; exit with 2 and one message if the user can mend what is wrong."""
    options = vars(make_parser().parse_args())
    options.pop("print_completion")
    name = options.pop("command")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with ending_at_ctrl_c():
            _do(name, options)
        sys.stdout.flush()
    except RadpipeError as error:
        log.error("%s", error)
        sys.exit(2)
    except BrokenPipeError:
        # Who read the output has enough of it, as `head` does; nothing more is written at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if (message := not_written(error)) is None:
            raise
        log.error("%s", message)
        sys.exit(2)


def _do(name: str, options: dict[str, Any]) -> None:
    """Do what a command is for, with what was said behind it."""
    if name in ANYWHERE:
        COMMANDS[name](**options)
    elif not PARAMS.exists():
        raise ConfigError(
            f"{PARAMS.absolute()}: there is no such file. Change to the folder of a project, or"
            " make one: radpipe init FOLDER --images PATH"
        )
    else:
        COMMANDS[name](load_params(), **options)


def make_parser() -> argparse.ArgumentParser:
    """Build the command line of `radpipe`."""
    parser = argparse.ArgumentParser(prog="radpipe", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--print-completion",
        action=Completion,
        choices=SHELLS,
        help="print completion for bash, zsh or tcsh, and end",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {}
    for name, command in COMMANDS.items():
        about = (command.__doc__ or "").partition("\n")[0]
        parsers[name] = commands.add_parser(name, help=about, description=about)
    add_options(parsers)
    return parser

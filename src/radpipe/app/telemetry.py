"""`radpipe telemetry`: pictures of how a run's layers and scores moved while it trained."""

import csv
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radpipe.core.ensembles import refuse_ensemble
from radpipe.core.errors import ConfigError, RadpipeError, unknown_name
from radpipe.core.imported import refuse_imported
from radpipe.core.params import Params

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from radpipe.learning.training.boards import BoardTables

BOARDS, FIGURES = Path("logs/tensorboard"), Path("logs/figures")
# As many rows of panels as can be read on one page.
MOST_LAYERS = 8
KINDS = (".png", ".svg")

log = logging.getLogger("radpipe.app")


@dataclass(frozen=True)
class TelemetryRun:
    """One training: a variant on a fold with a seed."""

    variant: str
    fold: int
    seed: int

    def __str__(self) -> str:
        return f"{self.variant}-fold-{self.fold}-seed-{self.seed}"

    @property
    def board(self) -> Path:
        """Its folder for TensorBoard."""
        return BOARDS / self.variant / f"fold-{self.fold}-seed-{self.seed}"

    @property
    def history(self) -> Path:
        """Its table of epochs."""
        return Path(f"results/runs/{self.variant}/fold-{self.fold}-seed-{self.seed}/history.csv")


def telemetry(
    params: Params, *, runs: Sequence[str], layers: str | None = None, out: Path | None = None
) -> None:
    """Draw layers, running scores and curves of one run, or of two beside each other.

    Parameters
    ----------
    params
        Says which runs there are.
    runs
        One or two names, `<variant>-fold-<f>-seed-<s>`, or `<variant>` for its first run.
    layers
        Names, separated by commas; by default all that the runs share, thinned to
        `MOST_LAYERS`.
    out
        Such as `relu.svg`, which gives `relu-histograms.svg`, `relu-distributions.svg`,
        `relu-running.svg` and `relu-curves.svg`; by default below `logs/figures/`.

    Raises
    ------
    RadpipeError
        A run has no board, or was trained without telemetry.
    ConfigError
        A run or a layer is unknown.

    """
    if len(runs) > 2:
        raise ConfigError(f"telemetry: at most two runs stand beside each other, got {len(runs)}.")
    found = [run_of(name, params) for name in runs]
    stem = out or FIGURES / f"{'-and-'.join(map(str, dict.fromkeys(found)))}.png"
    check_suffix(stem)
    # Neither TensorBoard nor matplotlib concerns any other command.
    from radpipe.figures.saving import save
    from radpipe.learning.training.boards import read_board

    boards = {run: read_board(run.board) for run in found}
    chosen = choose_layers(boards, layers)
    for kind, figure in draw(boards, chosen, curves_of_study(found, params)).items():
        log.info("wrote %s", save(figure, stem.with_name(f"{stem.stem}-{kind}{stem.suffix}")))


def run_of(name: str, params: Params) -> TelemetryRun:
    """Read a run's name; a variant alone means the plan's first fold and seed.

    Raises
    ------
    ConfigError
        There is no such variant, or it is an ensemble.

    """
    match = re.fullmatch(r"(.+)-fold-(\d+)-seed-(\d+)", name)
    variant = match[1] if match else name
    refuse_ensemble(variant, params.plan)
    refuse_imported(variant, params.plan)
    if variant not in params.variants:
        raise unknown_name("run or variant", name, params.variants)
    if match:
        return TelemetryRun(variant, int(match[2]), int(match[3]))
    return TelemetryRun(variant, params.plan.folds[0], params.plan.seeds[0])


def choose_layers(boards: Mapping[TelemetryRun, "BoardTables"], wanted: str | None) -> list[str]:
    """Return the layers to draw, in the order of the network.

    Raises
    ------
    RadpipeError
        A run has no layers on its board, or two runs have none in common.
    ConfigError
        A wanted layer is in no run.

    """
    for run, board in boards.items():
        if not board.layers:
            raise RadpipeError(
                f"{run}: trained without telemetry, so {run.board} has no layers. Set"
                f" variants.{run.variant}.train.telemetry: true and train it again."
            )
    every = list(dict.fromkeys(name for board in boards.values() for name in board.layers))
    if wanted is not None:
        names = [name.strip() for name in wanted.split(",")]
        if unknown := [name for name in names if name not in every]:
            raise unknown_name("layer", unknown[0], every)
        return names
    shared = [name for name in every if all(name in board.layers for board in boards.values())]
    if not shared:
        raise RadpipeError(
            "telemetry: the two runs share no layer; choose some with --layers. "
            + " ".join(f"{run}: {', '.join(board.layers)}." for run, board in boards.items())
        )
    if len(shared) <= MOST_LAYERS:
        return shared
    places = [round(k * (len(shared) - 1) / (MOST_LAYERS - 1)) for k in range(MOST_LAYERS)]
    log.info(
        "drawing %d of %d layers; --layers chooses among: %s",
        MOST_LAYERS,
        len(shared),
        ", ".join(shared),
    )
    return [shared[place] for place in places]


def curves_of_study(runs: Sequence[TelemetryRun], params: Params) -> list[dict[str, Any]]:
    """Return the histories of every planned run of the studies that `runs` belong to."""
    studies = {params.variants[run.variant].study for run in runs}
    rows = []
    for name, variant in params.variants.items():
        for run in (TelemetryRun(name, f, s) for f in params.plan.folds for s in params.plan.seeds):
            if variant.study in studies and run.history.exists():
                with run.history.open(newline="", encoding="utf-8") as stream:
                    about = {"variant": name, "fold": run.fold, "seed": run.seed}
                    rows += [{**about, **row} for row in csv.DictReader(stream)]
    return rows


def draw(
    boards: Mapping[TelemetryRun, "BoardTables"],
    layers: Sequence[str],
    history: list[dict[str, Any]],
) -> dict[str, "Figure"]:
    """Return each figure by what it shows; `curves` only where a run has finished."""
    from radpipe.figures.sheets import sheet
    from radpipe.figures.telemetry import layer_sheet, plot_distributions, running_sheet

    histograms = {str(run): board.histograms for run, board in boards.items()}
    running = [
        {"variant": str(run), **row}
        for run, board in boards.items()
        for row in board.scalars
        if row["name"].startswith("running/")
    ]
    title = next(iter(histograms)) if len(histograms) == 1 else ""
    figures = {
        "histograms": layer_sheet(histograms, layers, title=title),
        "distributions": layer_sheet(histograms, layers, plot=plot_distributions, title=title),
    }
    if running:
        figures["running"] = running_sheet(running)
    if history:
        figures["curves"] = sheet("history", history)
    return figures


def check_suffix(out: Path) -> None:
    """Refuse a file that is neither a picture for screens nor one for print."""
    if out.suffix not in KINDS:
        raise ConfigError(f"--out {out}: should end in {' or '.join(KINDS)}.")

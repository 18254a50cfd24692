"""What each command of `radpipe` takes on the command line."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Completion(argparse.Action):
    """Prints what a shell needs to complete the command line; read once, when it is set up."""

    def __call__(
        self, parser: argparse.ArgumentParser, _namespace: Any, shell: Any, _option: Any = None
    ) -> None:
        """Print it and end."""
        import shtab

        sys.stdout.write(f"{shtab.complete(parser, shell)}\n")
        parser.exit(0)


def add_options(parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    """Give the commands their options.

    Parameters
    ----------
    parsers
        Of every command, by name; changed in place.

    """
    _add_init_options(parsers["init"])
    _add_run_options(parsers["run"])
    parsers["doctor"].add_argument(
        "--slurm", action="store_true", help="this machine is to reach a cluster: SLURM must answer"
    )
    _add_sweep_options(parsers["sweep"])
    _add_reproduce_options(parsers["reproduce"])
    parsers["recipe"].add_argument("variants", nargs="*", metavar="VARIANT")
    _add_check_data_options(parsers["check-data"])
    for name in ("propose", "readers"):
        parsers[name].add_argument("study", help="a key of studies in params.yaml")
    _add_learning_curve_options(parsers["learning-curve"])
    _add_picture_options(parsers["telemetry"], parsers["network"])
    _add_predictor_options(parsers["export"], parsers["predict"])
    _add_app_options(parsers["app"])


def _add_init_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of the new project")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="PATH",
        help="folder of your pictures: class folders, or pictures with a table; without it a"
        " synthetic study",
    )
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="table (CSV, TSV, Parquet) that says what they show, if it is not found by itself",
    )
    parser.add_argument(
        "--label", metavar="COLUMN", help="its column of the label; several labels: A,B,C"
    )
    parser.add_argument("--name", help="name of the study (default: that of the folder)")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verbose", action="store_true", help="show everything that Snakemake and the steps say"
    )


def _add_sweep_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-S",
        dest="settings",
        action="append",
        required=True,
        metavar="KEY=VALUE,VALUE",
        help="a setting and its values, as in dvc exp run; +KEY if params.yaml lacks it so far",
    )
    parser.add_argument("--name", help="prefix of the experiments' names (default: their values)")
    parser.add_argument(
        "arguments",
        nargs="*",
        metavar="-- SNAKEMAKE ARGUMENTS",
        help="such as: -- --cores 8 --profile slurm (default: all cores of this machine)",
    )


def _add_reproduce_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        nargs="*",
        metavar="STEP RUN",
        help="as radpipe status names it: train bones-v1-fold-0-seed-0 (default: what failed last)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="ZIP", help="where it goes (default: below logs/reproduce/)"
    )


def _add_check_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", help="a key of studies in params.yaml")
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        help="folder of the data set (default: where the study's source has it)",
    )


def _add_learning_curve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("variant", metavar="VARIANT", help="a key of variants in params.yaml")
    parser.add_argument(
        "--fractions",
        default="0.5,0.25,0.1",
        metavar="A,B",
        help="shares of the train patients (default: 0.5,0.25,0.1)",
    )


def _add_picture_options(
    telemetry_parser: argparse.ArgumentParser, network_parser: argparse.ArgumentParser
) -> None:
    telemetry_parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="one or two: VARIANT-fold-F-seed-S, or VARIANT for the plan's first fold and seed",
    )
    telemetry_parser.add_argument("--layers", metavar="A,B", help="layers to draw, by name")
    network_parser.add_argument("variant", metavar="VARIANT")
    for parser in (telemetry_parser, network_parser):
        parser.add_argument(
            "--out", type=Path, metavar="FILE", help=".png or .svg (default: below logs/figures/)"
        )


def _add_predictor_options(
    export_parser: argparse.ArgumentParser, predict_parser: argparse.ArgumentParser
) -> None:
    export_parser.add_argument(
        "run",
        metavar="RUN",
        help="VARIANT-fold-F-seed-S, or VARIANT for the plan's first fold and seed",
    )
    export_parser.add_argument("folder", type=Path, metavar="FOLDER", help="new or empty")
    export_parser.add_argument(
        "--restricted",
        action="store_true",
        help="export although the run has learned from data that may not go everywhere",
    )
    export_parser.add_argument(
        "--onnx", action="store_true", help="as ONNX, too, compared on 200 cases of the study"
    )
    export_parser.add_argument(
        "--archive", action="store_true", help="FOLDER is a file for all of it, .zip"
    )
    predict_parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="what radpipe export wrote"
    )
    predict_parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="files, or folders of files"
    )
    predict_parser.add_argument(
        "--table",
        type=Path,
        metavar="CSV",
        help="names files and covariates: docs/how-to/use-a-model.md",
    )
    predict_parser.add_argument(
        "--side", choices=("R", "L"), help="side of the patient that all files show"
    )
    predict_parser.add_argument(
        "--out", type=Path, metavar="CSV", help="where answers go (default: standard output)"
    )
    predict_parser.add_argument(
        "--dicom",
        type=Path,
        metavar="FOLDER",
        help="answers as DICOM, too: structured reports and pictures of where the model looked",
    )


def _add_app_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="what radpipe export wrote (the project's finished runs are offered besides)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host from which the page may fetch a picture by its address (default: none)",
    )
    parser.add_argument(
        "--address", default="localhost", help="where it is served (default: this machine alone)"
    )
    parser.add_argument("--port", type=int, default=8501, help="(default: 8501)")

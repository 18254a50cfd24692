"""The frame of every step: arguments, log, checked inputs, receipt, exit code.

Exit codes: 0 done, 1 a bug (traceback), 2 something the user can mend (one message),
75 stopped on request with its work saved, or another process makes the same run: start the
same command again.
"""

import argparse
import logging
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import radpipe
from radpipe.core.claims import NotOwnerError, claimed
from radpipe.core.errors import RadpipeError, StaleError
from radpipe.core.hashes import Hashes
from radpipe.core.notes import Note, new_note
from radpipe.core.params import Params, load_params, lookup
from radpipe.core.processors import slurm_job
from radpipe.core.receipts import (
    Receipt,
    code_hashes,
    disagreements,
    read_maker,
    receipt_path,
)

RUN_ME_AGAIN = 75  # EX_TEMPFAIL of sysexits.h

log = logging.getLogger("radpipe.step")


class StoppedError(Exception):
    """Asked to stop (SIGTERM); the work so far is saved."""


class Job:
    """One run of a step: hands out settings and paths, and notes both for the receipt."""

    def __init__(
        self, step: "Step", args: argparse.Namespace, params: Params, settings: list[str]
    ) -> None:
        self.step = step
        self.args = args
        self.run = step.run_name(args)
        self.hashes = Hashes()
        self._params = params
        self._declared = settings
        self._inputs: dict[str, str] = {}
        self._outputs: list[Path] = []
        self._facts: dict[str, Any] = {}
        self._code = code_hashes(step.name, step.layers_of(args, params), self.hashes)

    def setting(self, dotted: str) -> Any:
        """Return a typed block or value of `params.yaml` that the step declared."""
        if not any(dotted == key or dotted.startswith(key + ".") for key in self._declared):
            raise KeyError(f"step {self.step.name} does not declare the setting {dotted}")
        value: Any = self._params
        for key in dotted.split("."):
            value = value[key] if isinstance(value, Mapping) else getattr(value, key)
        return value

    def read(self, path: Path | str) -> Path:
        """Check an input against the receipt of the step that made it, and note its hash.

        Raises
        ------
        StaleError
            The file is missing, or the receipt of its maker disagrees with the settings,
            the code or the files of now.

        """
        path = Path(path)
        if not path.exists():
            raise StaleError(f"{path}: missing. Run the step that makes it first.")
        digest = self.hashes.of(path)
        maker = read_maker(path)
        if maker is not None:
            lines = disagreements(maker, self._params, self.hashes)
            if lines:
                raise StaleError(
                    f"{path} is not what {maker.title} would make now:\n  "
                    + "\n  ".join(lines)
                    + f"\nThe way out: run snakemake (or dvc repro), which makes"
                    f" {maker.title} again; or put back what was changed."
                )
        self._inputs[str(path)] = digest
        return path

    def write(self, path: Path | str) -> Path:
        """Note an output file or folder; its parent folder exists afterwards."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path not in self._outputs:
            self._outputs.append(path)
        return path

    def fact(self, **facts: Any) -> None:
        """Note a fact for the receipt that has no bearing on agreement (JSON values)."""
        self._facts.update(facts)

    def _finish(self, started: float) -> None:
        """Hash inputs once more, then outputs, and write the receipt."""
        again = Hashes()
        changed = [p for p, digest in self._inputs.items() if again.of(Path(p)) != digest]
        if changed:
            raise StaleError(
                f"{', '.join(changed)} changed while {self.step.name} {self.run} was"
                " reading it, so its outputs are not to be trusted. Run it again."
            )
        missing = [str(path) for path in self._outputs if not path.exists()]
        if missing:
            raise RuntimeError(f"{self.step.name} did not write {', '.join(missing)}")
        usage = resource.getrusage(resource.RUSAGE_SELF)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        Receipt(
            step=self.step.name,
            run=self.run,
            settings={key: lookup(self._params, key) for key in self._declared},
            layers=tuple(self.step.layers_of(self.args, self._params)),
            code=self._code,
            inputs=dict(sorted(self._inputs.items())),
            outputs={str(path): again.of(path) for path in self._outputs},
            facts={
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - started, 3),
                "cpu_seconds": round(
                    usage.ru_utime + usage.ru_stime + children.ru_utime + children.ru_stime, 3
                ),
                "peak_memory_mib": max(usage.ru_maxrss, children.ru_maxrss) // 1024,
                "host": platform.node(),
                "processor": _processor(),
                "python": platform.python_version(),
                "slurm_job": slurm_job(),
                "processors_asked": _number("SLURM_CPUS_PER_TASK"),
                "memory_asked_mib": _number("SLURM_MEM_PER_NODE"),
                **self._facts,
            },
        ).write()
        for path in [*map(Path, self._inputs), *self._outputs]:
            if path.exists():
                again.remember(path)

    def check_layers(self) -> None:
        """Refuse a receipt that would not name all the code that this process used."""
        root = Path(radpipe.__file__).parent
        layers = self.step.layers_of(self.args, self._params)
        used = {
            Path(module.__file__).relative_to(root)
            for name, module in list(sys.modules.items())
            if name.startswith("radpipe.") and module.__file__
        }
        strays = [
            str(file)
            for file in sorted(used)
            # A folder's __init__ above a layer holds nothing but its docstring.
            if not any(file.is_relative_to(layer) for layer in layers)
            and not any(Path(layer).is_relative_to(file.parent) for layer in layers)
        ]
        if strays:
            raise RuntimeError(
                f"{self.step.name} used {', '.join(strays)}, which its layers"
                f" ({', '.join(layers)}) do not name"
            )


class Step:
    """Declaration of a step: what its command line takes and what it depends on.

    Parameters
    ----------
    name
        The one word shared by rule, stage, script, log folder and test.
    about
        The script's docstring; its first line is the help text.
    run
        Template of a run's name from the options, such as "{variant}-fold-{fold}".
    layers
        Parts of `radpipe` the step may import, such as "core"; "{adapter}" stands for
        the adapter of the option `study`.
    options
        Option name to its type.
    reads, writes
        Names of options that are paths: `reads` are checked and hashed before `main`,
        `writes` are hashed after it.
    settings
        Templates of dotted paths in `params.yaml` that the step may look at.

    """

    def __init__(
        self,
        name: str,
        about: str,
        *,
        run: str,
        layers: Iterable[str],
        options: Mapping[str, type] | None = None,
        reads: Iterable[str] = (),
        writes: Iterable[str] = (),
        settings: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.about = about
        self.run_template = run
        self.layers = tuple(layers)
        self.options = dict(options or {})
        self.reads = tuple(reads)
        self.writes = tuple(writes)
        self.settings = tuple(settings)

    def parser(self) -> argparse.ArgumentParser:
        """Build the command line of the step."""
        parser = argparse.ArgumentParser(
            prog=f"{self.name}.py", description=self.about.partition("\n")[0]
        )
        for option, kind in self.options.items():
            parser.add_argument(f"--{option}", type=kind, required=True)
        for option in (*self.reads, *self.writes):
            parser.add_argument(f"--{option}", type=Path, required=True)
        return parser

    def run_name(self, args: argparse.Namespace) -> str:
        """Return the name of one run, such as "bones-v1-fold-0-seed-0"."""
        return self.run_template.format(**vars(args))

    def layers_of(self, args: argparse.Namespace, params: Params) -> tuple[str, ...]:
        """Return the layers with "{adapter}" filled in."""
        study = params.studies.get(getattr(args, "study", ""))
        adapter = study.adapter if study else ""
        return tuple(layer.format(adapter=adapter) for layer in self.layers)

    def __call__(self, main: Callable[[Job], None]) -> None:
        """Run `main` as this process's step, then exit."""

        def alone(job: Job) -> None:
            main(job)
            job.check_layers()

        sys.exit(self.execute(alone, sys.argv[1:]))

    def execute(self, main: Callable[[Job], None], argv: list[str]) -> int:
        """Run `main` with a command line and return the exit code."""
        args = self.parser().parse_args(argv)
        note = new_note(self.name, self.run_name(args))
        handlers = open_log(note.log)
        try:
            with ExitStack() as held:
                code, message = self._attempt(main, args, note, held)
                note.end(code, message)
        except NotOwnerError as other:
            # Nothing more is written, not even the note: they are the other process's now.
            log.warning("%s: stopped, %s.", note.title, other)
            code = RUN_ME_AGAIN
        finally:
            for handler in handlers:
                logging.getLogger().removeHandler(handler)
                handler.close()
        return code

    def _attempt(
        self, main: Callable[[Job], None], args: argparse.Namespace, note: Note, held: ExitStack
    ) -> tuple[int, str]:
        """Do what the step is for; return its exit code and what went wrong.

        Raises
        ------
        NotOwnerError
            Another process makes this run.

        """
        started = time.monotonic()
        try:
            held.enter_context(claimed(note.step, note.run))
            note.write()
            # What a step is about to make again must not be vouched for by an old receipt.
            receipt_path(note.step, note.run).unlink(missing_ok=True)
            params = load_params()
            settings = [key.format(**vars(args)) for key in self.settings]
            job = Job(self, args, params, settings)
            for option in self.reads:
                job.read(getattr(args, option))
            for option in self.writes:
                job.write(getattr(args, option))
            main(job)
            job._finish(started)
        except NotOwnerError:
            raise
        except RadpipeError as error:
            log.error("%s: %s", note.title, error)
            return 2, str(error)
        except OSError as error:
            message = (
                f"{error}. Nothing half-written was kept; make room or give access, then run again."
            )
            log.error("%s: %s", note.title, message)
            log.debug("where it happened", exc_info=True)
            return 2, message
        except StoppedError as stop:
            log.warning("%s: stopped, %s. The same command goes on.", note.title, stop)
            return RUN_ME_AGAIN, str(stop)
        except Exception as error:
            log.exception("%s: this is a bug in radpipe, please report it", note.title)
            return 1, f"{type(error).__name__}: {error}"
        log.info("finished %s: seconds=%.1f", note.title, time.monotonic() - started)
        return 0, ""


def open_log(path: Path) -> list[logging.Handler]:
    """Log to a file (all) and to standard error (information and worse)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    to_file = logging.FileHandler(path, mode="a", encoding="utf-8")
    to_screen = logging.StreamHandler(sys.stderr)
    to_screen.setLevel(logging.INFO)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for handler in (to_file, to_screen):
        handler.setFormatter(form)
        root.addHandler(handler)
    logging.captureWarnings(capture=True)
    return [to_file, to_screen]


def _number(variable: str) -> int | None:
    """Return a whole number that SLURM put into the environment."""
    text = os.environ.get(variable, "")
    return int(text) if text.isdigit() else None


def _processor() -> str:
    """Name the processor, because other processors give other last bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()

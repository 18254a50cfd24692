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
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import radpipe
from radpipe.core import environment, machine
from radpipe.core.arrow import keep_pandas_out
from radpipe.core.ctrl_c import ending_at_ctrl_c
from radpipe.core.declared import Declared, Values
from radpipe.core.errors import RadpipeError, StaleError
from radpipe.core.files import clear_leftovers
from radpipe.core.git import checked_out
from radpipe.core.graph import Graph, Run
from radpipe.core.hashes import Hashes
from radpipe.core.jobs import Note, NotOwnerError, claimed, new_note
from radpipe.core.kernels import check_kernels, check_playable
from radpipe.core.leaving import leave
from radpipe.core.links import adopt, let_go, said_of
from radpipe.core.params import load_params, lookup
from radpipe.core.places import not_written
from radpipe.core.processors import slurm_job
from radpipe.core.receipts import Receipt, disagreements, program_of, read_receipt
from radpipe.core.versions import needs

RUN_ME_AGAIN = 75  # EX_TEMPFAIL of sysexits.h

log = logging.getLogger("radpipe.step")

# Git answers while the step works.
_asked = ThreadPoolExecutor(1)


class StoppedError(Exception):
    """Asked to stop (SIGTERM); the work so far is saved."""


class Job:
    """One run of a step: hands out settings and paths, and notes both for the receipt.

    Attributes
    ----------
    args
        The run's wildcards and, by the names that `STEP` gives them, its paths; a tuple of paths
        where a template stands for several files.

    """

    def __init__(self, graph: Graph, run: Run) -> None:
        self.run = run
        self.hashes = Hashes()
        self.graph = graph
        self.params = graph.params
        self.args = argparse.Namespace(**run.values)
        self._inputs: dict[str, str] = {}
        self._checked: set[tuple[str, str]] = set()
        self._outputs: list[Path] = []
        self._facts: dict[str, Any] = {}
        # Asked now, because the commit may be another one when a long step ends, and meanwhile.
        self._commit = _asked.submit(checked_out)
        self._arithmetic: dict[str, Any] = {"kernels": None}
        self.code, self.libraries = program_of(run)
        if not any(needs(library, "pandas") for library in self.libraries):
            keep_pandas_out()
        for name, paths in run.reads.items():
            found = tuple(self._check(Path(path)) for path in paths)
            setattr(self.args, name, found if run.is_plural(name) else found[0])
        for name, paths in run.writes.items():
            setattr(self.args, name, self._write(Path(paths[0])))

    def setting(self, dotted: str) -> Any:
        """Return a typed block or value of `params.yaml` that the step declared."""
        if not any(dotted == key or dotted.startswith(key + ".") for key in self.run.settings):
            raise KeyError(f"step {self.run.step.name} does not declare the setting {dotted}")
        value: Any = self.params
        for key in dotted.split("."):
            value = value[key] if isinstance(value, Mapping) else getattr(value, key)
        return value

    def read(self, path: Path | str) -> Path:
        """Return an input that the step declared; it was checked and hashed at the start."""
        if str(path) not in self._inputs:
            raise KeyError(f"step {self.run.step.name} does not declare the input {path}")
        return Path(path)

    def _check(self, path: Path) -> Path:
        """Check an input against the receipt of the step that made it, and note its hash.

        Raises
        ------
        StaleError
            The file is missing, or the receipt of its maker disagrees with the settings,
            the code or the files of now.

        """
        if not path.exists():
            raise StaleError(f"{path}: missing{said_of(path)}. Run the step that makes it first.")
        maker = self.graph.makers.get(str(path))
        if maker is not None and maker.receipt.exists() and maker.key not in self._checked:
            self._checked.add(maker.key)
            receipt = read_receipt(maker.receipt)
            if lines := disagreements(receipt, maker, self.params, self.hashes):
                raise StaleError(
                    f"{path} is not what {maker.title} would make now:\n  "
                    + "\n  ".join(lines)
                    + f"\nThe way out: run snakemake (or dvc repro), which makes"
                    f" {maker.title} again; or put back what was changed."
                )
        self._inputs[str(path)] = self.hashes.of(path)
        return path

    def _write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path)
        let_go(path)
        adopt(path)
        self._outputs.append(path)
        return path

    def fact(self, **facts: Any) -> None:
        """Note a fact for the receipt that has no bearing on agreement (JSON values)."""
        self._facts.update(facts)

    def computed(self, arithmetic: Mapping[str, Any]) -> None:
        """Note how a step that loads torch computed (`arithmetic_of` in learning/training/run.py).

        The receipt says by that on which machines the same bytes come out.
        """
        self._arithmetic = dict(arithmetic)

    def _finish(self, started: float) -> None:
        """Hash inputs once more, then outputs, and write the receipt."""
        again = Hashes()
        changed = [p for p, digest in self._inputs.items() if again.of(Path(p)) != digest]
        if changed:
            raise StaleError(
                f"{', '.join(changed)} changed while {self.run.title} was"
                " reading it, so its outputs are not to be trusted. Run it again."
            )
        missing = [str(path) for path in self._outputs if not path.exists()]
        if missing:
            raise RuntimeError(f"{self.run.step.name} did not write {', '.join(missing)}")
        here = machine.this_machine()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        Receipt(
            step=self.run.step.name,
            run=self.run.name,
            settings={key: lookup(self.params, key) for key in self.run.settings},
            code=self.code,
            inputs=dict(sorted(self._inputs.items())),
            outputs={str(path): again.of(path) for path in self._outputs},
            libraries=self.libraries,
            facts={
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - started, 3),
                "cpu_seconds": round(
                    usage.ru_utime + usage.ru_stime + children.ru_utime + children.ru_stime, 3
                ),
                "peak_memory_mib": max(usage.ru_maxrss, children.ru_maxrss) // 1024,
                "host": platform.node(),
                "processor": here.name,
                "machine": machine.facts(here, self._arithmetic),
                "gpu": _gpu(),
                "python": platform.python_version(),
                "commit": self._commit.result().name,
                "clean": self._commit.result().clean,
                "slurm_job": slurm_job(),
                "processors_asked": _number("SLURM_CPUS_PER_TASK"),
                "memory_asked_mib": _number("SLURM_MEM_PER_NODE"),
                **self._facts,
            },
        ).write()
        for path in [*map(Path, self._inputs), *self._outputs]:
            if path.exists():
                again.remember(path)

    def check_code(self) -> None:
        """Refuse a receipt that would not name all the code that this process used."""
        root = Path(radpipe.__file__).parent
        used = {
            Path(module.__file__)
            for name, module in list(sys.modules.items())
            if name.startswith("radpipe.") and module.__file__
        }
        if strays := sorted(used - self.run.code()):
            raise RuntimeError(
                f"{self.run.step.name} used {', '.join(str(f.relative_to(root)) for f in strays)},"
                " which its script does not import; name what it loads in STEP, loads=(...)"
            )


class Step(Declared):
    """A step that runs: called with its work in the script, `STEP(main)`.

    Parameters
    ----------
    name, about
        The step's word, and the script's docstring.
    **how
        See `radpipe.core.declared.Declared`.

    """

    def __init__(self, name: str, about: str, **how: Any) -> None:
        super().__init__(name=name, about=about, **how)

    def parser(self) -> argparse.ArgumentParser:
        """Build the command line of the step."""
        parser = argparse.ArgumentParser(
            prog=f"{self.name}.py", description=self.about.partition("\n")[0]
        )
        for name in self.wildcards:
            kind = int if name in ("fold", "seed") else str
            parser.add_argument(f"--{name}", type=kind, required=True)
        return parser

    def __call__(self, main: Callable[[Job], None]) -> None:
        """Run `main` as this process's step, then exit.

        Raises
        ------
        RuntimeError
            The script does not begin with `environment.pin`.

        """
        if not environment.is_pinned():
            raise RuntimeError(
                f"{self.name}: the shell's variables would decide what comes out; let the script"
                " begin with pin() (docs/how-to/add-a-step.md)"
            )

        def alone(job: Job) -> None:
            check_playable(job.run)
            main(job)
            job.check_code()
            check_kernels(job.run)
            machine.refuse_libraries()

        with ending_at_ctrl_c():
            code = self.execute(alone, sys.argv[1:])
            if code == 0:
                leave(code)
        sys.exit(code)

    def execute(self, main: Callable[[Job], None], argv: list[str]) -> int:
        """Run `main` with a command line and return the exit code."""
        values = vars(self.parser().parse_args(argv))
        note = new_note(self.name, self.run_name(values))
        try:
            handlers = open_log(note.log)
        except OSError as error:
            sys.stderr.write(f"{note.title}: {not_written(error) or error}\n")
            return 2
        try:
            with ExitStack() as held:
                code, message = self._attempt(main, values, note, held)
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
        self, main: Callable[[Job], None], values: Values, note: Note, held: ExitStack
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
            graph = Graph(load_params())
            job = Job(graph, graph.planned(self, values))
            # What a step is about to make again must not be vouched for by an old receipt; one that
            # refuses to begin, because of a setting or an input, has made nothing undone.
            job.run.receipt.unlink(missing_ok=True)
            clear_leftovers(job.run.receipt)
            main(job)
            job._finish(started)
        except NotOwnerError:
            raise
        except RadpipeError as error:
            log.error("%s: %s", note.title, error)
            return 2, str(error)
        except BrokenPipeError:
            # What started the step, and showed what it says, has ended before it.
            message = "nobody reads what it says any more (broken pipe)"
            log.warning("%s: stopped, %s. The same command goes on.", note.title, message)
            return RUN_ME_AGAIN, message
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
        except KeyboardInterrupt:
            log.warning("%s: stopped by Ctrl-C. The same command goes on.", note.title)
            raise
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


def _gpu() -> str | None:
    """Name the GPU that this process used, if it used one; torch is not loaded to find out."""
    torch: Any = sys.modules.get("torch")
    used = torch is not None and torch.cuda.is_initialized()
    return str(torch.cuda.get_device_name()) if used else None

"""Which finished runs this machine could make again to the byte, by what their receipts say."""

import platform
from collections import Counter, defaultdict

from radpipe.core.errors import RadpipeError
from radpipe.core.graph import Graph
from radpipe.core.machine import same_here, this_machine
from radpipe.core.params import Params
from radpipe.core.plurals import counted
from radpipe.core.receipts import read_receipt


def made_elsewhere(params: Params) -> list[str]:
    """Say which runs of the plan would have other last bits if they were made again here.

    Returns
    -------
    list of str
        A line for each kind of machine that others were made on, with the steps and a run of
        each; the first line says how many runs would come out the same. Runs without a
        receipt are left out.

    """
    here, same = this_machine(), 0
    others: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for run in Graph(params).runs.values():
        try:
            facts = read_receipt(run.receipt).facts["machine"]
        except (OSError, KeyError, RadpipeError):
            continue
        if where := same_here(facts, here):
            others[where][run.step.name].append(run.name)
        else:
            same += 1
    return [
        f"{counted(same, 'run')} would come out of this machine to the byte",
        *(
            f"{step} {runs[0]}{f' and {len(runs) - 1} more' if runs[1:] else ''}: to the byte on"
            f" {where} only"
            for where, steps in others.items()
            for step, runs in steps.items()
        ),
    ]


def other_pythons(params: Params) -> list[str]:
    """Say which runs of the plan another Python made, by its first two numbers.

    They are fresh, because what decides results is written to do the same under each
    (docs/why/two-engines.md, "Python"); whoever finds other bytes all the same is told of it.

    Returns
    -------
    list of str
        A line for each other version.

    """
    here, others = _minor(platform.python_version()), Counter[str]()
    for run in Graph(params).runs.values():
        try:
            others[_minor(str(read_receipt(run.receipt).facts["python"]))] += 1
        except (OSError, KeyError, RadpipeError):
            continue
    del others[here]
    return [
        f"{counted(number, 'run')} made by Python {version}; here it is {here}"
        for version, number in sorted(others.items())
    ]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])

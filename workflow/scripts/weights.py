"""Have starting weights that others learned: fetch, check, convert, and say what they have seen.

Reads   weights/<start>.json, and the files that it names
Writes  results/starts/<start>/start.json, what trainings depend on: hashes, implementation, input,
        what the weights have learned from. The tensors themselves lie in RADPIPE_WEIGHTS, for all
        projects of a user
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from typing import Any

from radpipe.core.borrowed import Borrowed, Learned, seen_by_name
from radpipe.core.descriptors import (
    Descriptor,
    LearnedFrom,
    is_one_of,
    read_descriptor,
    refuse_use,
    refuse_version,
)
from radpipe.core.errors import ConfigError
from radpipe.core.files import write_json
from radpipe.core.step import Job, Step
from radpipe.learning.starts.lists import obtain_list
from radpipe.learning.starts.obtaining import obtain

log = logging.getLogger("radpipe.weights")

STEP = Step(
    "weights",
    __doc__,
    each="starts",
    reads={"descriptor": "weights/{start}.json"},
    writes={"out": "results/starts/{start}/start.json"},
    settings=("plan.use", "borrowed.{start}"),
    loads=("radpipe.learning.starts.unpickle",),
    keeps={"out": "git"},
)


def main(job: Job) -> None:
    """Refuse what must not be used, then fetch and check, then convert."""
    name, use = job.args.start, job.setting("plan.use")
    descriptor = read_descriptor(name)
    refuse_use(descriptor, use)
    refuse_version(descriptor)
    licence = descriptor.licence
    if use == "commercial" and licence.restricted is None:
        log.warning("%s: nothing states whether commercial use is allowed. %s", name, licence.says)
    planned = job.setting(f"borrowed.{name}")
    refuse_known(descriptor, planned)
    file, tensors = obtain(descriptor)
    learned_from = [learned(descriptor, each, planned) for each in descriptor.learned_from]
    start = Borrowed.of(descriptor, file=file, tensors=tensors, learned_from=learned_from)
    write_json(job.args.out, start.model_dump(mode="json"))
    job.fact(file=descriptor.file, sha256=file, licence=licence.spdx)
    log.info(
        "has starting weights %s: %s, licence %s, learned from %s",
        name,
        descriptor.function,
        licence.spdx,
        ", ".join(each.data_set for each in learned_from),
    )


def learned(descriptor: Descriptor, source: LearnedFrom, planned: dict[str, Any]) -> Learned:
    """Return what trainings are told of a data set, its list obtained."""
    found = Learned(data_set=source.data_set, unrelated=source.unrelated)
    if source.list is None:
        return found
    studies = sorted(
        study for study, names in planned["studies"].items() if is_one_of(source.data_set, names)
    )
    what = {"list": obtain_list(descriptor, source.list), "studies": tuple(studies)}
    return found.model_copy(update=what)


def refuse_known(descriptor: Descriptor, planned: dict[str, Any]) -> None:
    """Refuse weights that may have seen a planned study, where the settings say so.

    Raises
    ------
    ConfigError
        Naming the study, the data set and the way out.

    """
    if planned["seen_by_name"] != "refuse":
        return
    learned_from = [each.model_dump() for each in descriptor.learned_from]
    for study, known_as in planned["studies"].items():
        if seen := seen_by_name(learned_from, known_as):
            raise ConfigError(
                f"{descriptor.path}: has learned from {', '.join(seen)}, from which {study} comes"
                f" by its names ({', '.join(known_as)}), and plan.seen_by_name is refuse: nobody"
                f" says whether pictures of {study}'s test part were among them. The way out: other"
                f" weights; a `list` of the images in {descriptor.path}, if one is published;"
                f" `unrelated: [{study}]` beside the data set there, if {study} certainly does not"
                " come from it; or seen_by_name: flag, which shows it in the ranking and the"
                " report."
            )


if __name__ == "__main__":
    STEP(main)

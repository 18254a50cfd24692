"""Drawing the files of a phantom, in several processes where that pays."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from tqdm import tqdm

from radpipe.core.processors import n_processors

T = TypeVar("T")
R = TypeVar("R")

# Below this, starting other processes takes longer than drawing.
FEW = 100
CHUNK = 10


def draw_all(
    write: Callable[[T], R], planned: Sequence[T], *, unit: str, workers: int | None = None
) -> list[R]:
    """Call `write` for everything that is planned; return what it returned, in order.

    Parameters
    ----------
    write
        A function of a module, or a `functools.partial` of one: other processes must find it.
    planned
        What is to be drawn.
    unit
        What one of them is called on the screen, such as "films".
    workers
        Processes; by default the cores this process may use.

    """
    workers = workers or n_processors()
    shown = partial(tqdm, desc="drawing", total=len(planned), unit=unit, mininterval=2)
    if workers == 1 or len(planned) < FEW:
        return list(shown(map(write, planned)))
    # A forked process would inherit the locks of this one's threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(shown(pool.map(write, planned, chunksize=CHUNK)))

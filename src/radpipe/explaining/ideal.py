"""What an ideal observer looks at in the films of a phantom, in the form of the stored square.

Who knows what a finding changes, and that the rest is white noise, adds up over pixels the square
of this change over the noise's variance: the detectability of an ideal observer (Barrett & Myers,
Foundations of Image Science, 2004, section 13.2.8). A map of these squares is the evidence that
there is to see. A phantom draws it again from its seed.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Image, PhantomSource, Study
from radpipe.imaging.crops import regions_of
from radpipe.imaging.resize import pad, scale
from radpipe.imaging.store import Store
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.contract import Signals

Views = Mapping[str, NDArray[np.float32]]
# From which share of the largest change on a finding counts as seen: that of its greys by which
# phantoms draw boxes, squared.
SEEN_FROM = 1 / 16


def signals_of(name: str, study: Study) -> Signals | None:
    """Return what tells where the findings of a study's films show; None if it is no phantom."""
    if not isinstance(study.source, PhantomSource):
        return None
    adapter = load_adapter(study.adapter)
    layout = read_layout(name, adapter, study.layout)
    return adapter.signals(source=study.source, layout=layout, target=study.target)


class IdealObserver:
    """Evidence maps of the cases of a phantom.

    Parameters
    ----------
    signals
        From `signals_of`.
    store
        Says which file a case's view is, and what of it is shown.
    image
        How files were made square.

    """

    def __init__(self, signals: Signals, store: Store, image: Image) -> None:
        self.signals, self.store, self.image = signals, store, image
        self.regions = regions_of(store)
        names = ("case", "view", "file")
        columns = [store.index[name].to_pylist() for name in names]
        self._seen: dict[tuple[str, str], dict[str, NDArray[np.bool_]]] = {}
        self._rows: dict[str, list[tuple[str, str, int]]] = {}
        for row, (case, view, file) in enumerate(zip(*columns, strict=True)):
            self._rows.setdefault(case, []).append((view, file, row))

    def views(self, case: str, label: str) -> dict[str, NDArray[np.float32]] | None:
        """Return view to evidence, (slices, side, side), at least 0; None if nobody knows it."""
        found = {}
        for view, file, row in self._rows.get(case, ()):
            signal = self.signals(file, label)
            if signal is None:
                return None
            found[view] = np.stack([self._square(each, row) for each in signal])
        return found or None

    def seen(self, case: str, label: str) -> dict[str, NDArray[np.bool_]]:
        """Return view to where a finding is seen, bool (slices, side, side); empty: not known.

        Kept, because it is asked about again for each method and each other finding of a case.
        """
        if (case, label) not in self._seen:
            views = self.views(case, label) or {}
            top = max((float(view.max()) for view in views.values()), default=0.0)
            seen = {v: (m >= SEEN_FROM * top) & (top > 0) for v, m in views.items()}
            self._seen[case, label] = seen
        return self._seen[case, label]

    def _square(self, signal: NDArray[np.float32], row: int) -> NDArray[np.float32]:
        """Bring one slice, in pixels of the file, into the form of the stored square."""
        top = float(signal.max())
        if top <= 0:
            return np.zeros((self.image.side,) * 2, np.float32)
        grey = np.rint(signal * (65535 / top)).astype(np.uint16)
        region = self.regions[row]
        box = (region.x0, region.y0, region.x1, region.y1)
        square = pad(
            scale(grey, size=self.image.side, how=self.image.resize, box=box), size=self.image.side
        )
        if region.mirrored:
            square = square[:, ::-1]
        return square.astype(np.float32) * np.float32(top / 65535)

"""Changed copies of a case: what is hidden by what, and passes that do not matter."""

import numpy as np
import pytest
import torch

from radpipe.explaining.perturbing import copies_of, filled, hiding, per_pass, perturbed_outputs
from tests.explaining.made import Noise, material_of, member_of

COMPACT = {"name": "compact", "widths": [4, 8]}
EXAM = {"name": "exam", "trunk": {"kind": "residual", "widths": [4, 8]}}


def test_copies_are_the_same_whatever_the_pass_is_filled_with():
    member, material = member_of(COMPACT), material_of(2)

    def darker(copies, numbers):
        factors = torch.from_numpy(1 / (1 + numbers)).float()
        views = (copies.views[0] * factors[:, None, None, None],)
        return type(copies)(views, copies.counts)

    few, many = (perturbed_outputs([member], material, 1, n, darker) for n in (3, 21))
    assert few.shape == (3, 3)
    assert few.tobytes() == many[:3].tobytes()
    both = perturbed_outputs([member, member], material, 1, 3, darker)
    assert both.tobytes() == few.tobytes()


@pytest.mark.parametrize("fill", [0.25, "mean", "case"])
def test_pixels_that_are_not_kept_are_filled(fill):
    member = member_of(EXAM, views=2, volumes=True)
    one = material_of(1, Noise(["axial", "coronal"], volumes=True)).batch(member, [0])

    def keep(view, numbers):
        stays = torch.ones((len(numbers), *one.views[view].shape[::2], 32), dtype=torch.bool)
        stays[1:, 1, :4] = view == 1  # of the second copy a strip of a slice of the first view
        return stays

    changed = hiding(one, keep, filled(member, one, fill))(copies_of(one, 2), np.arange(2))
    first, second = torch.split(changed.views[0], changed.counts[0])
    assert torch.equal(first, one.views[0])
    assert torch.equal(changed.views[1], one.views[1].repeat(2, 1, 1, 1))
    wanted = {"mean": 0.4, "case": float(one.views[0].mean())}.get(fill, fill)
    torch.testing.assert_close(second[1, :, :4], torch.full((1, 4, 32), wanted))
    assert torch.equal(second[1, :, 4:], one.views[0][1, :, 4:])
    assert torch.equal(second[0], one.views[0][0])


def test_passes_hold_about_as_many_slices_as_asked_and_at_least_one_copy():
    member = member_of(EXAM, views=2, volumes=True)
    one = material_of(1, Noise(["axial", "coronal"], volumes=True)).batch(member, [0])
    assert [per_pass(one, slices) for slices in (1, 7, 16)] == [1, 1, 2]  # 3 and 4 slices

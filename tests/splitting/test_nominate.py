"""Candidate pairs."""

from dataclasses import replace

import numpy as np

from radpipe.splitting import nominate as module
from radpipe.splitting.descriptors import describe
from radpipe.splitting.nominate import nominate
from radpipe.splitting.warp import N_ORIENTATIONS, orient
from tests.splitting.films import altered, films

FILMS = films(150, seed=4)


def test_copies_are_nominated_however_they_are_laid(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 64)  # several blocks, the last one not full
    copies = altered(FILMS[:16], degrees=3)
    laid = [orient(copies[k : k + 1], k % N_ORIENTATIONS)[0] for k in range(16)]
    everything = np.concatenate([FILMS, np.stack(laid)])
    pairs = nominate(describe(everything, np.random.default_rng(1)), np.arange(166))
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert {(k, 150 + k) for k in range(16)} <= found
    assert (pairs.first < pairs.second).all()


def test_the_orientation_lays_the_second_on_the_first():
    everything = np.concatenate([FILMS, orient(FILMS[:1], 5)])
    pairs = nominate(describe(everything, np.random.default_rng(1)), np.arange(151))
    [k] = np.flatnonzero((pairs.first == 0) & (pairs.second == 150))
    back = orient(everything[150:], int(pairs.orientation[k]))
    assert (back[0] == FILMS[0]).all()


def test_a_patients_own_pictures_are_no_pairs():
    everything = np.concatenate([FILMS, FILMS])
    patients = np.tile(np.arange(150), 2)
    pairs = nominate(describe(everything, np.random.default_rng(1)), patients)
    assert (patients[pairs.first] != patients[pairs.second]).all()


def test_a_picture_names_a_bounded_number_of_partners():
    """At a threshold that all pairs pass, the closest partners of each picture are kept."""
    descriptions = replace(describe(FILMS, np.random.default_rng(1)), threshold=-99.0)
    pairs = nominate(descriptions, np.arange(150))
    assert np.bincount(pairs.first).max() == module.MOST

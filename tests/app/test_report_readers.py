"""Readers on the page, from what compare has found."""

from radpipe.app.report.readers import readers_view


def block(value, half=0.1, p=0.2):
    return {"value": value, "low": value - half, "high": value + half, "p": p, "df": 3.0}


def found(*, names=("reader-1", "reader-2"), modality="", p_holm=0.2, **more):
    question = {"measure": "auc", "class": "", "modality": modality}
    mean = {**question, "random": block(0.95), "fixed": block(0.95, 0.02)}
    system = {**question, "variant": "net", "alone": 0.9, "random": block(-0.05), "p_holm": p_holm}
    return {
        "readers": [{"name": name, "reader": name, "modality": modality} for name in names],
        "n_cases": 1200,
        "n_patients": 1,
        "means": [{**mean, "each": dict.fromkeys(names, 0.95)}],
        "modalities": [],
        "systems": [{**system, "fixed": block(-0.05)}],
        "agreement": [],
        "left_out": "",
        **more,
    }


def test_results_are_told_in_words():
    who, system = readers_view(found(), alpha=0.05).said
    assert who.startswith("2 readers have read. They are compared on 1,200 cases of 1 patient that")
    assert system == (
        "net has lower AUC than the mean of the readers (difference −0.050, −0.150 to 0.050;"
        " corrected p 0.200): these data cannot tell."
    )
    assert readers_view(found(p_holm=0.01), alpha=0.05).said[1].endswith(": told apart.")


def test_modalities_are_compared_in_words():
    row = {"measure": "auc", "class": "edema", "first": "alone", "second": "aided", "n_readers": 2}
    row |= {"random": block(-0.06, 0.05, 0.03), "fixed": block(-0.06), "p_all": 0.03}
    said = readers_view(found(modality="alone", modalities=[row]), alpha=0.05).said[1]
    assert said == (
        "AUC of edema was lower with alone than with aided (difference −0.060, −0.110 to −0.010;"
        " p 0.030), for readers like these 2: told apart."
    )


def test_no_end_of_an_interval_of_a_share_is_outside_of_its_scale():
    (line,) = readers_view(found(), alpha=0.05).means
    assert [cell.interval for cell in line.cells] == ["0.850 to 1.000", "0.930 to 0.970"]


def test_one_reader_says_nothing_of_others():
    who = readers_view(found(names=("reader-1",)), alpha=0.05).said[0]
    assert who.startswith("1 reader has read. ")
    assert who.endswith("With one reader nothing can be said of readers like this one.")
    left_out = readers_view(found(left_out="1 of 3 readers have not read in all"), alpha=0.05)
    assert left_out.said[0].endswith(" 1 of 3 readers have not read in all.")


def test_without_readers_there_is_no_section():
    assert readers_view(None, alpha=0.05) is None

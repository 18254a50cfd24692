"""The page, run by Streamlit from top to bottom after every click; what it shows is elsewhere."""

import hashlib
import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from radpipe.app.viewer import words
from radpipe.app.viewer.address import fetch
from radpipe.app.viewer.cases import Given, by_view, files_of, known_cases, scores_of
from radpipe.app.viewer.offered import Offered, offered
from radpipe.app.viewer.opened import CURRENT
from radpipe.app.viewer.pictures import (
    ALONE,
    COLOURS,
    Look,
    address_of,
    first_slice,
    overlaid,
    scaled,
)
from radpipe.app.viewer.style import STYLE
from radpipe.app.viewer.wire import Array, Message
from radpipe.core.errors import RadpipeError

PROJECT, OWN, ADDRESS = "A case of the project", "Files of my own", "An address"
NO_MAP = "none"


def main() -> None:
    """Show the page."""
    st.set_page_config(page_title="radpipe: a model at work", layout="wide")
    st.html(f"<style>{STYLE}</style>")
    st.title("A model at work", anchor=False)
    st.html(f'<p class="rp-research" role="note">{html.escape(words.RESEARCH)}</p>')
    models, problems = offered(CURRENT.folders)
    for problem in problems:
        st.warning(f"Left out: {problem}")
    if not models:
        st.error("There is no model. radpipe run makes them, and radpipe export copies one.")
        return
    model = choose_model(models)
    methods = opened(model)
    if methods is None:
        return
    try:
        given = choose_case(model)
    except RadpipeError as error:
        st.error(str(error))
        return
    if given is not None:
        show(model, given, methods)
    show_about(model)


def choose_model(models: list[Offered]) -> Offered:
    """Let a study and a model of it be chosen."""
    left, right = st.columns(2)
    studies = list(dict.fromkeys(each.study for each in models))
    study = left.selectbox("Study", studies, key="study")
    of_study = [each for each in models if each.study == study]
    number = right.selectbox(
        "Model",
        range(len(of_study)),
        format_func=lambda k: of_study[k].title,
        key=f"model of {study}",
    )
    return of_study[number]


def opened(model: Offered) -> list[str] | None:
    """Open a model in the process that computes; return its methods, None if it cannot be."""
    folder = str(model.folder)
    if st.session_state.get("opened") != folder:
        with st.spinner("The model is opened ..."):
            reply = CURRENT.helper.ask(Message(model.asked()), model.kernels)
        if reply.says["problem"]:
            st.error(reply.says["problem"])
            return None
        st.session_state["opened"], st.session_state["methods"] = folder, reply.says["methods"]
    methods: list[str] = st.session_state["methods"]
    return methods


def choose_case(model: Offered) -> Given | None:
    """Let a case be chosen; None while there is none."""
    ways = [PROJECT] if model.in_project else []
    ways += [OWN, *([ADDRESS] if CURRENT.hosts and len(model.what.inputs.views) == 1 else [])]
    way = st.radio("What is it to look at?", ways, horizontal=True, key=f"way {len(ways)}")
    if way == PROJECT:
        return known(model)
    return own(model, by_address=way == ADDRESS)


def known(model: Offered) -> Given | None:
    """Let a case of the project be chosen by its name, as a published viewer had it."""
    cases = known_cases(model)
    parts = list(dict.fromkeys(each.part for each in cases))
    left, right = st.columns(2)
    part = left.selectbox("Part", parts, key=f"part of {model.study}")
    of_part = [each for each in cases if each.part == part]
    number = right.selectbox(
        "Case (patient)",
        range(len(of_part)),
        format_func=lambda k: of_part[k].name,
        key=f"case of {model.study} {part}",
    )
    case = of_part[number]
    st.write(f"Known to be true of this case: {words.truth(model.what.target, case.truth)}.")
    return files_of(model, case.name)


def own(model: Offered, *, by_address: bool) -> Given | None:
    """Let files be handed over, and whatever else a case of this model needs."""
    inputs = model.what.inputs
    files: dict[str, bytes] = {}
    if inputs.views:
        found = fetched() if by_address else uploaded(model)
        if not found:
            return None
        files = by_view(inputs, found)
    side, both = None, False
    if inputs.sides:
        left, right = st.columns(2)
        side = left.selectbox("Side of the patient", ["R", "L"], key="side")
        both = right.checkbox("The film shows both sides", value=inputs.halves, key="both")
    values = covariates(inputs.covariates)
    return Given(files, side, both, values)


def uploaded(model: Offered) -> list[tuple[str, bytes]]:
    """Take files from the visitor; they stay in memory."""
    views = model.what.inputs.views
    wanted = (
        f"The files of one exam, named by their planes: {', '.join(f'{v}.npy' for v in views)}"
        if len(views) > 1
        else "One film: DICOM, PNG or JPEG"
    )
    files = st.file_uploader(wanted, accept_multiple_files=True, key=f"files {len(views)}")
    st.caption("Files stay in memory, are sent nowhere else, and are gone when the page is closed.")
    return [(each.name, each.getvalue()) for each in files]


def fetched() -> list[tuple[str, bytes]]:
    """Take a file from an address that the operator allows."""
    url = st.text_input(f"Address of a picture on {', '.join(CURRENT.hosts)}", key="address")
    if not url:
        return []
    if st.session_state.get("fetched", ("", b""))[0] != url:
        with st.spinner("The picture is fetched ..."):
            st.session_state["fetched"] = url, fetch(url, CURRENT.hosts)
    return [("", st.session_state["fetched"][1])]


def covariates(names: list[str]) -> dict[str, float | None]:
    """Ask for the covariates that a model takes; what is left empty is unknown."""
    values: dict[str, float | None] = {}
    for column, name in zip(st.columns(max(len(names), 1)), names, strict=False):
        values[name] = column.number_input(f"{name} (empty: unknown)", value=None, key=f"of {name}")
    return values


def show(model: Offered, given: Given, methods: list[str]) -> None:
    """Ask, and show what is answered."""
    st.header("Answer", anchor=False)
    left, right = st.columns(2)
    questions = words.questions(model.what.target)
    label = left.selectbox(
        "Diagnosis",
        range(len(questions)),
        format_func=lambda k: questions[k],
        key=f"label of {model.study}",
    )
    method = NO_MAP
    if methods:
        method = right.selectbox(
            "Map", [*sorted(methods, key=lambda each: each != "grad-cam"), NO_MAP], key="method"
        )
    reply = asked(model, given, label, "" if method == NO_MAP else method)
    if reply.says["problem"]:
        st.error(reply.says["problem"])
        return
    show_answer(model, reply, label)
    views = {name[5:]: each for name, each in reply.arrays.items() if name.startswith("view:")}
    if views:
        maps = {name[4:]: each for name, each in reply.arrays.items() if name.startswith("map:")}
        show_views(views, maps, f"map of {questions[label]}")
    show_meaning(model, reply.says, label)


def asked(model: Offered, given: Given, label: int, method: str) -> Message:
    """Return the answer to this question; the last one is remembered while the page is open."""
    question = Message(model.asked(given.told(), label=label, method=method), given.files)
    digest = hashlib.sha256(repr(question.says).encode())
    for view, data in given.files.items():
        digest.update(view.encode() + hashlib.sha256(data).digest())
    key = digest.hexdigest()
    if st.session_state.get("asked", ("", None))[0] != key:
        with st.spinner("The model looks at it ..."):
            st.session_state["asked"] = key, CURRENT.helper.ask(question, model.kernels)
    reply: Message = st.session_state["asked"][1]
    return reply


def show_answer(model: Offered, reply: Message, label: int) -> None:
    """Show a probability, what is decided, and what speaks against relying on it."""
    what, says = model.what, reply.says
    question = says["questions"][label]
    judged = what.judged[label] if what.judged else None
    colour, _ = words.colour(words.favoured(what.target, says, label)[1])
    lines = [
        f"{words.verdict(question)}. {words.reliability(question, judged)}",
        words.likeliest(what.target, says, label),
    ]
    st.html(
        f'<div class="rp-answer rp-{colour}">'
        f'<p class="rp-number">{html.escape(question["name"])}:'
        f" {words.percent(question['probability'])}</p>"
        f"{''.join(f'<p>{html.escape(line)}</p>' for line in lines)}</div>"
    )
    unlike = [words.likeness(says["unlike"], what)] if says["unlike"] else []
    for remark in [*unlike, *says["remarks"]]:
        st.warning(remark)


def show_meaning(model: Offered, says: Mapping[str, Any], label: int) -> None:
    """Show what a probability, its threshold and its set mean, and all other answers."""
    what = model.what
    question = says["questions"][label]
    judged = what.judged[label] if what.judged else None
    st.header("What this means", anchor=False)
    sets = words.sets(says["guaranteed"], what.guarantee)
    lines = [words.such_cases(question, judged), sets.get("", sets.get(question["name"], ""))]
    lines += [] if says["unlike"] else [words.likeness(says["unlike"], what)]
    for line in filter(None, lines):
        st.write(line)
    with st.expander("All answers"):
        st.html(table(says["questions"]))
        for name, line in sets.items():
            if name and name != question["name"]:
                st.write(f"{name}: {line}")
        st.write(words.rule(what))


def table(questions: list[Mapping[str, Any]]) -> str:
    """Return the table of all answers as HTML."""
    rows = "".join(
        f'<tr><th scope="row">{html.escape(each["name"])}</th>'
        f"<td>{words.percent(each['probability'])}</td><td>{words.percent(each['threshold'])}</td>"
        f"<td>{'yes' if each['flag'] else 'no'}</td></tr>"
        for each in questions
    )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("answer", "probability", "threshold", "at or above")
    )
    return (
        '<table class="rp-table"><caption>Each answer with its threshold</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def show_views(views: Mapping[str, Array], maps: Mapping[str, Array], drawn: str) -> None:
    """Show planes side by side, as the network sees them, each with a slider for its slices."""
    st.header("What the network sees", anchor=False)
    # Pictures first; what changes them is below, and is read before they are drawn.
    shown = st.container()
    look = choose_look(has_map=bool(maps))
    laid = scaled(maps, alone=look.colours in ALONE)
    if maps:
        shown.caption(words.drawing(laid, look.colours, max(map(len, views.values()))))
    columns = shown.columns(max(len(views), 2))
    for column, (view, pixels) in zip(columns, views.items(), strict=False):
        with column:
            show_view(view, pixels, laid.get(view), look, drawn)
    if len(views) == 1 and laid:
        (view, pixels) = next(iter(views.items()))
        with columns[1]:
            show_view(f"{view} without map", pixels, None, look, drawn)


def show_view(view: str, pixels: Array, drawn: Array | None, look: Look, of: str) -> None:
    """Show one plane."""
    name = view.capitalize()
    st.subheader(name, anchor=False)
    number, count = 0, len(pixels)
    if count > 1:
        first = first_slice(drawn, count)
        key = f"slice of {view} {hashlib.sha256(pixels.tobytes()).hexdigest()}"
        number = st.slider(f"{name}: slice", 1, count, first + 1, key=key, format=f"%d of {count}")
        number -= 1
    rgb = overlaid(pixels[number], None if drawn is None else drawn[number], look)
    of_slice = f", slice {number + 1} of {count}" if count > 1 else ""
    laid = f", with the {of}" if drawn is not None and look.strength else ""
    told = html.escape(f"{name}{of_slice}{laid}")
    st.html(f'<img class="rp-picture" src="{address_of(rgb)}" alt="{told}">')


def choose_look(*, has_map: bool) -> Look:
    """Let window, colours and strength be chosen; pictures are drawn here, on the server."""
    columns = st.columns(3 if has_map else 1)
    low, high = columns[0].slider(
        "Window: shares of the range shown as black and as white, %", 0, 100, (0, 100), key="window"
    )
    if not has_map:
        return Look(low / 100, high / 100, strength=0.0)
    strength = columns[1].slider("Strength of the map, %", 0, 100, 40, key="strength")
    colours = columns[2].selectbox("Colours of the map", list(COLOURS), key="colours")
    return Look(low / 100, high / 100, colours, strength / 100)


def show_about(model: Offered) -> None:
    """Say what a model learned from, and where it was judged."""
    st.header("About this model", anchor=False)
    with st.expander("What it learned from", expanded=True):
        for line in words.learned(model.what):
            st.write(line)
    with st.expander("Where it was judged", expanded=True):
        for line in words.judged_where(model.what, scores_of(model)):
            st.write(line)


if __name__ == "__main__":
    main()

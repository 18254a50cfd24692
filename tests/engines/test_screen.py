"""What a terminal shows, and what a file gets."""

import io

import pytest

from radpipe.engines.screen import CLEAR, Screen


class Out(io.StringIO):
    """A terminal or a file."""

    def __init__(self, *, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def times(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    return [0.0]


def screen_on(out, times):
    return Screen(out, lambda: times[0])


def test_a_terminal_shows_one_state_that_is_replaced(times):
    out = Out(terminal=True)
    screen = screen_on(out, times)
    for times[0], text in ((1.0, "early"), (2.0, "first"), (3.0, "early"), (4.0, "x" * 40)):
        screen.state(lambda text=text: text)
    screen.line("done")
    screen.close()
    assert out.getvalue() == f"first{CLEAR}{'x' * 19}{CLEAR}done\n"


def test_a_file_gets_a_state_after_a_silence_and_ever_more_seldom(times):
    out = Out(terminal=False)
    screen = screen_on(out, times)
    said = []
    for second in range(0, 3600, 5):
        times[0] = float(second)
        before = out.tell()
        screen.state(lambda: "working")
        said += [second] if out.tell() > before else []
    assert said == [60, 180, 420, 900, 1500, 2100, 2700, 3300]
    assert out.getvalue() == 8 * "... working\n"


def test_a_line_breaks_the_silence(times):
    out = Out(terminal=False)
    screen = screen_on(out, times)
    times[0] = 50.0
    screen.line("done")
    times[0] = 100.0
    screen.state(lambda: "working")
    assert out.getvalue() == "done\n"


def test_a_terminal_that_cannot_draw_is_a_file(times, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert not screen_on(Out(terminal=True), times).drawn


def test_a_closed_stream_stops_nothing(times):
    out = Out(terminal=False)
    screen = screen_on(out, times)
    out.close()
    screen.line("unheard")

"""Counts in messages: one row, two rows."""


def counted(n: int, one: str, many: str = "") -> str:
    """Return a count with the word, or words, that go with it.

    Parameters
    ----------
    n
        Written with commas between thousands.
    one, many
        What follows 1, and what follows any other number, such as "row holds", "rows hold";
        without `many`, `one` with an s.

    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"

"""What is said of films that are shown although their headers are not as they should be.

Each is counted by `ingest` and by `check-data`. None holds a value of a file but numbers of bits.
"""

BAD_WINDOW = "a window that cannot be applied: all grey levels are shown"
NARROW_WINDOW = "a window narrower than 1, taken as LINEAR_EXACT"
BEAM_INTENSITY = "a modality LUT that leads back to beam intensity, not applied"
FOR_PROCESSING = "FOR PROCESSING: raw values of the detector"
INVERSE = "MONOCHROME2 with INVERSE: window and padding not believed"
NOT_SQUARE = "pixels that are not square, made so"

HALVED = "decoded at a smaller size: text in the pixels was not looked for"


def wrong_table(said: int, held: int) -> str:
    """Return what is said of a lookup table that holds fewer or more bits than it says."""
    return f"a lookup table that says {said} bits and holds {held}"


def unused_bits(stored: int, used: int) -> str:
    """Return what is said of a film without a window that uses few of its bits."""
    return f"no window, and {used} of {stored} bits used: those are shown"

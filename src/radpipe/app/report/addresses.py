"""Files as `data:` addresses, so that the page needs no other file."""

import re
from base64 import b64encode
from pathlib import Path

# Pictures of pixels; those of lines are text.
PIXELS = {".png": "image/png", ".jpg": "image/jpeg"}
DRAWING = "image/svg+xml"
# What means something else in an address, or in an attribute of HTML. All others stand for
# themselves, which takes a quarter less than base64.
MEANT = str.maketrans({sign: f"%{ord(sign):02X}" for sign in "%#\"'<>&\n\r\t"})


def embed(path: Path) -> str:
    """Return a picture, PNG, JPEG or SVG, as an address."""
    if kind := PIXELS.get(path.suffix):
        return f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}"
    # Within a drawing a line end is as good as a blank.
    return of_text(re.sub(r"[ \n\r\t]+", " ", path.read_text(encoding="utf-8")), DRAWING)


def of_text(text: str, kind: str) -> str:
    """Return a text as an address of some media type, such as "text/csv"."""
    return f"data:{kind};charset=utf-8,{text.translate(MEANT)}"

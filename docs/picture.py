"""Makes docs/demo.svg: runs `setpoint demo` on a pseudo-terminal and draws what a person sees.

`python docs/picture.py [COMMAND …]` runs another command instead of the demo; the picture is always of a real run.
"""

import io
import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
WIDTH = 132
PATHS = re.compile(r"(?:/\S*)?/(setpoint-demo-\w+)")


def seen(command: list[str]) -> str:
    """All that `command` writes to its terminal."""
    chunks: list[bytes] = []

    def keep(fd: int) -> bytes:
        data = os.read(fd, 65536)
        chunks.append(data)
        return data

    os.environ.update(TERM="xterm-256color", COLUMNS=str(WIDTH), SETPOINT_ASK="0")
    status = pty.spawn(command, keep)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(command)} failed; no picture was made")
    return b"".join(chunks).decode("utf-8", "replace").replace("\r\n", "\n")


def drawn(text: str, title: str) -> str:
    """The terminal's text as an SVG picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    # Runs of spaces would fall together in the picture.
    shown = PATHS.sub(r"~/\1", text).replace(" ", "\u00a0")
    console.print(Text.from_ansi(shown), soft_wrap=False, no_wrap=True, crop=True, overflow="crop")
    return console.export_svg(title=title, clear=True)


def main() -> None:
    command = sys.argv[1:] or [str(Path(sys.executable).parent / "setpoint"), "demo"]
    svg = drawn(seen(command), "make demo")
    (HERE / "demo.svg").write_text(svg, encoding="utf-8")
    print(f"docs/demo.svg: {len(svg) // 1024} KiB")


if __name__ == "__main__":
    main()

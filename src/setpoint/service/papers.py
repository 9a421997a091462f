"""A run's spec, design and plan as files, in the layout that people have."""

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from ..errors import UsageError
from ..model.run import Run
from ..pipeline.papers.layouts import FILES, PAPERS
from ..pipeline.papers.write import write
from ..pipeline.visible import visible
from ..ports import Store


def written(store: Store, run: Run, root: Path, layout: str, into: Path | None) -> Sequence[Path]:
    """Write what stands of the run's papers; what lies there already must be the same. Gives the files."""
    known = next((name for name in FILES if name == layout), None)
    if known is None:
        near = get_close_matches(layout, FILES, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise UsageError(f"there is no layout `{layout}`{hint}", fix=f"one of: {', '.join(FILES)}")
    contents = {name: store.deliverable(run.id, run.position.cycle, name) for name in PAPERS}
    texts = dict(
        write(name, content, run.ticket.title, known) for name, content in contents.items() if content is not None
    )
    if not texts:
        raise UsageError(f"run {run.id} has no spec, design or plan yet", fix=f"`setpoint show {run.id}`")
    folder = into or _folder(root, run, known)
    files = {folder / name: visible(text) for name, text in texts.items()}
    there = {path: _said(path) for path in files if os.path.lexists(path)}
    differs = [path for path, said in there.items() if said != files[path]]
    if differs:
        raise UsageError(f"{differs[0]} is there already and says something else", fix="name another with --into")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            if path not in there:
                with path.open("x", encoding="utf-8") as file:  # never through a link
                    file.write(text)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written", why=str(error.strerror), fix="--into FOLDER") from error
    return list(files)


def _said(path: Path) -> str | None:
    """What lies there; None for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _folder(root: Path, run: Run, layout: str) -> Path:
    name = re.sub(r"[^a-z0-9]+", "-", run.ticket.id.casefold()).strip("-") or run.id
    if layout == "setpoint":
        return root / ".setpoint" / "runs" / run.id / "papers"
    if layout == "kiro":
        return root / ".kiro" / "specs" / name
    specs = root / "specs"
    there = [re.match(r"^(\d{3})-(.*)$", path.name) for path in specs.glob("*")] if specs.is_dir() else []
    own = next((found[0] for found in there if found and found[2] == name), "")
    number = max((int(found[1]) for found in there if found), default=0) + 1
    return specs / (own or f"{number:03}-{name}")

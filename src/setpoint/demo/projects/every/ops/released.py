"""Makes a release of some files of the repository."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from place import ROOT


def released(target: Path, files: Iterable[Path]) -> int:
    """Copy `files` below `target` to the places they have in the repository; how many a release has
    then. One that is there already stays."""
    if target.is_dir():
        return sum(path.is_file() for path in target.rglob("*"))
    beside = target.with_name(f"{target.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    wanted = sorted(files)
    for file in wanted:
        copy = beside / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    beside.rename(target)
    return len(wanted)

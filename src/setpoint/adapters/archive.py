"""Answers kept as files below `.setpoint/evidence`, one a key; the oldest go when there are too many."""

import hashlib
import json
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

KEPT = 4000
"""Most answers that are kept."""
KEPT_BYTES = 256 * 1024 * 1024
_EVERY = 64
"""One keep in so many looks whether there are too many."""


class FileArchive:
    """Keeps `ports.Archive` in a folder."""

    def __init__(self, folder: Path, *, most: int = KEPT) -> None:
        self._folder = folder
        self._most = most
        self._kept = 0

    def find(self, key: str) -> Any:
        """What was kept under `key`; None when nothing was, or it cannot be read."""
        place = self._place(key)
        try:
            found = json.loads(zlib.decompress(place.read_bytes()))
        except (OSError, ValueError, zlib.error):
            return None
        if not isinstance(found, dict) or found.get("key") != key:
            return None
        with suppress(OSError):
            os.utime(place)
        return found.get("value")

    def keep(self, key: str, value: Any) -> None:
        """Keep a JSON value under `key`; a repeat replaces it."""
        place = self._place(key)
        aside = place.with_name(f"{place.name}.{os.getpid()}-{os.urandom(4).hex()}")
        content = zlib.compress(json.dumps({"key": key, "value": value}).encode(), 1)
        # What does not fit on the disk is found again another time.
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(content)
            aside.replace(place)
        self._kept += 1
        if self._kept % _EVERY == 1:
            self._thin_out()

    def _place(self, key: str) -> Path:
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / name[:2] / name[2:]

    def _thin_out(self) -> None:
        found = []
        for place in self._folder.glob("*/*"):
            with suppress(OSError):
                told = place.stat()
                found.append((told.st_mtime_ns, told.st_size, place))
        count, size = len(found), sum(entry[1] for entry in found)
        for _, one, place in sorted(found):
            if count <= self._most and size <= KEPT_BYTES:
                return
            with suppress(OSError):
                place.unlink()
            count, size = count - 1, size - one

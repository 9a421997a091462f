"""Code that the checks of files do not see: too large, or taken for binary."""

import re
from collections.abc import Iterator

from ...model.objection import Objection
from ..change_set import ChangeSet, Delta
from .product import is_code
from .raised import LOW, MEDIUM, tampered

_BUILT = re.compile(
    r"(?:^|/)(?:dist|build|vendor|third_party|static|public|generated)/|\.min\.|\.bundle\.|_pb2|\.d\.ts$"
)


def unread_code(change: ChangeSet) -> Iterator[Objection]:
    """An objection for each code file of the change that is not read; what was so before, or is built, is noted."""
    for delta in change.deltas:
        if delta.after and not delta.text_after and is_code(delta.path):
            usual = bool(_BUILT.search(delta.path)) or _unread_before(delta)
            yield tampered(
                "unread", f"{delta.path} cannot be read: it is too large, or holds a zero byte", delta.path,
                cause="no check of files has seen what it does; split it, or say it is built",
                severity=LOW if usual else MEDIUM,
            )  # fmt: skip


def _unread_before(delta: Delta) -> bool:
    return bool(delta.before) and not delta.text_before

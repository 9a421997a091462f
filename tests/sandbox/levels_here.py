"""Which sandbox levels this machine really has: their tests run, of the others one test says why they do not."""

from collections.abc import Callable, Mapping

from setpoint.adapters.sandboxes.bare import Bare
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.sandboxes.container import Container
from setpoint.adapters.sandboxes.microvm import Microvm
from setpoint.adapters.sandboxes.seatbelt import Seatbelt
from setpoint.errors import SandboxError
from setpoint.ports import Sandbox

MADE: Mapping[str, Callable[[], Sandbox]] = {
    "none": Bare,
    "seatbelt": Seatbelt,
    "bubblewrap": Bubblewrap,
    "container": Container,
    "microvm": Microvm,
}


def _missing() -> Mapping[str, SandboxError]:
    found = {}
    for name, make in MADE.items():
        try:
            make().layers()
        except SandboxError as error:
            found[name] = error
    return found


MISSING = _missing()
"""Why a level is not here, by its name."""
HERE = tuple(name for name in MADE if name not in MISSING)
CONTAINED = tuple(name for name in ("bubblewrap", "container") if name in HERE)
"""Those that share the host's kernel and keep the same promises in full."""

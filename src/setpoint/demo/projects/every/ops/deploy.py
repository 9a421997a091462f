"""Puts the release of `$SETPOINT_SHA` into `$SETPOINT_ENVIRONMENT`; a repeat changes nothing."""

from build import build
from place import asked, release, switch

if __name__ == "__main__":
    sha = asked("SHA")
    files = build(release(sha))
    switch(release(sha))
    print(f"{asked('ENVIRONMENT')} runs {sha[:12]} ({files} files)")

"""What is installed is what was looked at: every package pinned, hashed, and from a registry."""

import tomllib
from typing import Any

from sources import ROOT


def packages() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return found


def test_every_locked_package_comes_from_a_registry_or_is_this_one() -> None:
    elsewhere = [one["name"] for one in packages() if not {"registry"} & set(one["source"])]
    assert elsewhere == ["setpoint"]


def test_every_file_that_may_be_installed_is_hashed() -> None:
    bare = []
    for one in packages():
        files = [*one.get("wheels", ()), *([one["sdist"]] if "sdist" in one else ())]
        if one["name"] != "setpoint" and (not files or any(not f.get("hash", "").startswith("sha256:") for f in files)):
            bare.append(one["name"])
    assert bare == []


def test_the_lock_is_of_this_manifest() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (own,) = (one for one in packages() if one["name"] == "setpoint")
    locked = {f"{need['name']}{need.get('specifier', '')}" for need in own["metadata"]["requires-dist"]}
    assert {need.replace(" ", "").partition(";")[0].partition("[")[0] for need in wanted if "[" not in need} <= locked

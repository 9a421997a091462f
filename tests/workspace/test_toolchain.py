"""Which folders of the host count as a toolchain."""

from pathlib import Path

import pytest

from setpoint.adapters.toolchain import Toolchain, toolchain


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def repository(home: Path) -> Path:
    place = home / "work" / "shop"
    place.mkdir(parents=True)
    return place


def program(place: Path) -> Path:
    """An executable at `place`."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    return place


def prefix(place: Path, *names: str) -> Path:
    """A toolchain's folder with these programs."""
    (place / "lib").mkdir(parents=True)
    for name in names:
        program(place / "bin" / name)
    return place


def found(home: Path, repository: Path, *folders: Path, environments: tuple[Path, ...] = ()) -> Toolchain:
    return toolchain(environments, ":".join(map(str, folders)), home, repository)


def test_the_interpreter_behind_an_environment_is_shown(home: Path, repository: Path) -> None:
    python = prefix(home / ".pyenv/versions/3.12.1", "python3.12")
    environment = repository / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {python}/bin\nversion = 3.12.1\n")
    (environment / "bin" / "python").symlink_to(python / "bin" / "python3.12")
    assert found(home, repository, environments=(environment,)) == Toolchain((str(python),), ())


def test_a_link_to_the_interpreter_is_shown_at_both_names(home: Path, repository: Path) -> None:
    real = prefix(home / ".local/share/uv/python/cpython-3.12.4", "python3")
    named = real.with_name("cpython-3.12")
    named.symlink_to(real)
    environment = repository / ".venv"
    environment.mkdir()
    (environment / "pyvenv.cfg").write_text(f"home = {named}/bin\n")
    assert set(found(home, repository, environments=(environment,)).shown) == {str(named), str(real)}


def test_a_shim_is_looked_behind(home: Path, repository: Path) -> None:
    root = home / ".pyenv"
    program(root / "shims" / "python3")
    python = prefix(root / "versions/3.11.7", "python3")
    (root / "version").write_text("3.11.7\n")
    assert found(home, repository, root / "shims") == Toolchain((str(python),), (str(python / "bin"),))


def test_the_repository_chooses_the_version_behind_a_shim_but_no_path(home: Path, repository: Path) -> None:
    root = home / ".pyenv"
    program(root / "shims" / "python3")
    (repository / ".python-version").write_text("../../evil\n")
    program(root / "evil" / "bin" / "python3")
    assert found(home, repository, root / "shims") == Toolchain((), ())


def test_of_a_wide_folder_only_the_program_is_shown(home: Path, repository: Path) -> None:
    (home / ".local/lib").mkdir(parents=True)
    uv = program(home / ".local/bin/uv")
    assert found(home, repository, uv.parent) == Toolchain((str(uv),), (str(uv.parent),))
    (home / "lib").mkdir()
    node = program(home / "bin/node")
    assert found(home, repository, node.parent) == Toolchain((str(node),), (str(node.parent),))


def test_a_node_version_manager_is_understood(home: Path, repository: Path) -> None:
    node = prefix(home / ".nvm/versions/node/v22.1.0", "node", "npm", "npx")
    assert found(home, repository, node / "bin") == Toolchain((str(node),), (str(node / "bin"),))


def test_an_active_environment_elsewhere_brings_its_interpreter(home: Path, repository: Path) -> None:
    python = prefix(home / "opt/python", "python3")
    environment = prefix(home / "envs/shop", "pytest")
    (environment / "pyvenv.cfg").write_text(f"home = {python}/bin\n")
    (environment / "bin" / "python").symlink_to(python / "bin" / "python3")
    assert set(found(home, repository, environment / "bin").shown) == {str(python), str(environment)}


def test_programs_of_the_repository_and_of_the_system_are_not_the_hosts_toolchain(home: Path, repository: Path) -> None:
    program(repository / ".venv/bin/python3")
    assert found(home, repository, repository / ".venv/bin", Path("/usr/bin")) == Toolchain((), ())


def test_nothing_that_holds_the_home_or_the_repository_is_shown(home: Path, repository: Path) -> None:
    (repository.parent / "lib").mkdir()
    node = program(repository.parent / "bin" / "node")
    shown = found(home, repository, node.parent).shown
    assert shown == (str(node),)

"""Which control groups are used is read from what the kernel says of itself."""

from pathlib import Path

from setpoint.adapters.sandboxes.groups import Hierarchy, find_hierarchy

V1_MOUNTS = """\
30 25 0:26 / {root}/memory rw,relatime - cgroup cgroup rw,memory
31 25 0:27 / {root}/pids rw,relatime - cgroup cgroup rw,pids
32 25 0:28 / {root}/unified rw,relatime - cgroup2 cgroup2 rw
"""
V2_MOUNTS = "30 25 0:26 / {root} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


def test_version_1_is_used_where_version_2_hands_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "memory" / "jobs").mkdir(parents=True)
    membership = "9:pids:/\n4:memory:/jobs\n0::/\n"
    found = find_hierarchy(membership, V1_MOUNTS.format(root=tmp_path), lambda candidate: candidate.version == 1)
    assert found == Hierarchy(1, tmp_path / "memory" / "jobs", tmp_path / "pids")


def test_version_2_looks_beside_its_own_leaf(tmp_path: Path) -> None:
    above = tmp_path / "user.slice"
    (above / "app.scope").mkdir(parents=True)
    membership = "0::/user.slice/app.scope\n"
    found = find_hierarchy(membership, V2_MOUNTS.format(root=tmp_path), lambda candidate: candidate.memory == above)
    assert found == Hierarchy(2, above, above)


def test_a_folder_outside_the_mount_is_never_taken(tmp_path: Path) -> None:
    tried: list[Path] = []

    def note(candidate: Hierarchy) -> bool:
        tried.append(candidate.memory)
        return False

    assert find_hierarchy("0::/../../other\n", V2_MOUNTS.format(root=tmp_path), note) is None
    assert set(tried) <= {tmp_path}


def test_nothing_is_found_where_nothing_is_said() -> None:
    assert find_hierarchy("", "", lambda _: True) is None

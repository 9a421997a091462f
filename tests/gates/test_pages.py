"""Pages of a service, used and looked at in a real browser, inside the sandbox."""

import hashlib
import shutil
import socket
from pathlib import Path

import pytest

from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.gates.checks import task_gate
from setpoint.gates.steps import take_steps
from setpoint.model.evidence import GateResult, Outcome
from setpoint.model.page import PageStep
from setpoint.model.plan import Check
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.steps import parse_step
from setpoint.testing.browsers import chromium

SHOP = """<!doctype html>
<html lang="en"><head><title>Shop</title></head><body>
<main><h1>Orders</h1>
<label>Customer <input name="customer"></label>
<label>Size <select name="size"><option>small</option><option>large</option></select></label>
<button onclick="order()">Order</button>
<table><tbody id="orders"><tr><td>none yet</td></tr></tbody></table>
<p id="told" style="display: none">hidden words</p></main>
<script>
function order() {
  const name = document.querySelector('[name=customer]').value, size = document.querySelector('[name=size]').value;
  setTimeout(() => { document.getElementById('orders').innerHTML += `<tr><td>${size} for ${name}</td></tr>`; }, 200);
}
</script></body></html>
"""
BROKEN = """<!doctype html><html><body><img src="logo.png"><input><button></button>
<script>console.error('no stock'); missing();</script></body></html>
"""


@pytest.fixture(scope="session")
def browser() -> Path:
    return chromium()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Taken:
    """A check on a folder of pages, and what was kept of it."""

    def __init__(self, folder: Path, settings: SandboxSettings) -> None:
        self.kept: dict[str, bytes] = {}
        self._folder = folder / "shop"
        self._folder.mkdir()
        (self._folder / "index.html").write_text(SHOP)
        (self._folder / "broken.html").write_text(BROKEN)
        self._room = SandboxRoom(self._folder, surroundings(Bubblewrap(), self._folder, folder / "masks", settings))

    async def __call__(self, *steps: str) -> GateResult:
        port = free_port()
        serve = f"Serve `python3 -m http.server --bind 127.0.0.1 {port}` on {port}"
        gate = task_gate(Check(then=(serve, *steps)), timeout=120)
        return await take_steps("T001.1", gate, self._room, tree="t", environment="e", keep=self._keep)

    def _keep(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        self.kept[name] = content
        return name


@pytest.fixture
def taken(browser: Path, tmp_path: Path) -> Taken:
    env = {"SETPOINT_BROWSER": str(browser)}
    return Taken(tmp_path, SandboxSettings(readonly=(str(browser.parent),), env=env))


@pytest.mark.slow
async def test_a_page_is_used_as_a_person_would_and_its_picture_kept(taken: Taken) -> None:
    result = await taken(
        'Page / - shows "none yet"; fill "Customer" with "Ann"; fill "Size" with "large"; click "Order"; '
        'shows "large for Ann"; 2 rows; heading "Orders"; no links; no console errors; no barriers'
    )
    assert result.green, result.reason
    (picture,) = result.pictures
    assert taken.kept[picture].startswith(b"\x89PNG")
    assert len(taken.kept[picture]) > 2000


@pytest.mark.slow
async def test_what_a_page_does_not_show_is_told_with_what_it_shows(taken: Taken) -> None:
    result = await taken(
        'Page / - shows "hidden words"; 3 rows; shows "Orders"',
        'Page / - click "Buy"; shows "large"',
        "Request GET / - 200",
    )
    assert result.outcome is Outcome.FAILED
    assert [finding.message for finding in result.findings] == [
        'Page /: shows "hidden words" did not hold',
        "Page /: 3 row did not hold",
        'Page /: click "Buy" did not hold',
    ]
    assert result.findings[1].shown is not None
    assert result.findings[1].shown.cause == "there are 1"
    assert "none yet" in result.findings[0].shown.evidence if result.findings[0].shown else False
    assert len(result.pictures) == 2 or len(set(result.pictures)) == 1


@pytest.mark.slow
async def test_errors_and_barriers_of_a_page_are_found(taken: Taken) -> None:
    result = await taken("Page /broken.html - no console errors; no barriers")
    told = " | ".join(finding.message for finding in result.findings)
    assert result.outcome is Outcome.FAILED
    for words in ("no stock", "missing is not defined", "404", "names no language", "no title", "no alternative text"):
        assert words in told
    assert "a field has no label" in told
    assert "a button has no name" in told


@pytest.mark.slow
async def test_a_page_reaches_nothing_but_the_sandboxs_own_loopback(taken: Taken) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        outside.settimeout(0.2)
        port = outside.getsockname()[1]
        (taken._folder / "out.html").write_text(
            f"<p id=p>asked</p><script>fetch('http://127.0.0.1:{port}/', {{mode: 'no-cors'}})"
            ".catch(() => document.getElementById('p').textContent = 'nobody there')</script>"
        )
        assert (await taken('Page /out.html - shows "nobody there"')).green
        with pytest.raises(TimeoutError):
            outside.accept()


@pytest.mark.slow
async def test_without_a_browser_a_page_is_refused_with_what_to_do(tmp_path: Path) -> None:
    taken = Taken(tmp_path, SandboxSettings(env={"SETPOINT_BROWSER": "/nowhere/chromium"}))
    result = await taken('Page / - shows "Orders"')
    assert result.outcome is Outcome.REFUSED
    assert "apt install chromium" in result.reason


@pytest.mark.slow
async def test_a_browser_that_is_none_is_refused(tmp_path: Path) -> None:
    taken = Taken(tmp_path, SandboxSettings(env={"SETPOINT_BROWSER": shutil.which("true") or "/usr/bin/true"}))
    result = await taken('Page / - shows "Orders"')
    assert result.outcome is Outcome.REFUSED
    assert "the browser told nothing" in result.reason


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Page /", "cannot fail"),
        ('Page / - click "Order"', "looks at nothing"),
        ('Page / - fill "A" with "B"; click "C"', "looks at nothing"),
        ('Page / - shows ""', "names nothing"),
        ("Page / - 2 widgets", "nothing that a page is asked"),
        ("Page / - looks fine", "nothing that a page is asked"),
        ("Page orders - 2 rows", "cannot fail"),
        ("Page / - " + "; ".join(["1 row"] * 21), "at most 20"),
    ],
)
def test_a_page_that_cannot_fail_is_refused_when_it_is_written(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_step(text)


def test_a_page_needs_a_service() -> None:
    with pytest.raises(ValueError, match="Serve"):
        Check(run="true", then=('Page / - shows "a"',))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('Page /a?b=1 - fill "A; B" with "c; d"; shows "e"', ['fill "A; B" with "c; d"', 'shows "e"']),
        ('Page `/` – 2 buttons "Buy"; no dialogs; a heading', None),
        ("Page / - 12 entries", None),
        ("Page / - 2 check boxes", None),
        ('Page / - images; 3 LINKS "More"; No Console Errors', ["img", '3 link "More"', "no console errors"]),
        ("Page / - textboxes; 2 comboboxes; 2 statuses", ["textbox", "2 combobox", "2 status"]),
    ],
)
def test_pages_are_read_as_they_are_written(text: str, said: list[str] | None) -> None:
    if said is None:
        with pytest.raises(ValueError, match="Roles: "):
            parse_step(text)
        return
    step = parse_step(text)
    assert isinstance(step, PageStep)
    assert [str(act) for act in step.acts] == said

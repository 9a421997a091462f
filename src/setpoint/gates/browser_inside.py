"""Opens a page in a browser inside the sandbox, does what a step says, and tells what it saw; it judges nothing.

It is run there as a program of its own, by whatever Python 3.9 or newer is there, and may import nothing of ours. It
speaks to Chromium by its debugging pipe: no port is opened, nothing else can listen.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FLAGS = (
    *("--headless", "--no-sandbox", "--no-zygote", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run"),
    *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--mute-audio", "--hide-scrollbars", "--no-default-browser-check", "--no-pings"),
    *("--force-color-profile=srgb", "--font-render-hinting=none", "--disable-breakpad", "--window-size=1280,800"),
    *("--disable-features=Translate,OptimizationHints,MediaRouter", "--js-flags=--max-old-space-size=512"),
)
WORDS = 4000
"""Characters kept of a page's text, and of what its console says."""
MOST = 50
"""Messages of the console that are kept."""
PATIENCE = 5.0
"""Seconds in which what is looked for may still appear."""
LOOK = 0.1
MESSAGE = 64 * 1024 * 1024

Told = dict[str, Any]


class LostError(Exception):
    """The browser ended, or did not answer in time."""


class Browser:
    """Chromium, spoken to by its pipe."""

    def __init__(self, binary: str, home: str, until: float) -> None:
        self.until = until
        self.console: list[str] = []
        self.loaded = False
        self._number = 0
        self._kept = b""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def hand_over() -> None:
            first, second = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(first, 3)
            os.dup2(second, 4)

        env = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        self._errors = os.fdopen(os.memfd_create("errors"), "w+b")
        self.process = subprocess.Popen(
            [binary, *FLAGS, f"--user-data-dir={home}/profile", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            close_fds=False,
            preexec_fn=hand_over,
            start_new_session=True,
            env=env,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def end(self) -> None:
        """Kill it and all it started."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> str:
        """The end of what it said."""
        self._errors.seek(0)
        said: bytes = self._errors.read()
        return said[-600:].decode("utf-8", "replace").strip()

    def ask(self, method: str, session: str = "", **params: Any) -> Told:
        """The answer to a command."""
        self._number += 1
        asked: Told = {"id": self._number, "method": method, "params": params}
        if session:
            asked["sessionId"] = session
        try:
            os.write(self._out, json.dumps(asked).encode() + b"\0")
        except OSError as error:
            raise LostError(f"the browser ended: {self.last_words()}") from error
        while True:
            told = self.hear(self.until)
            if told is None:
                raise LostError(f"the browser did not answer {method} in time")
            if told.get("id") == self._number:
                if "error" in told:
                    raise LostError(f"{method}: {told['error'].get('message', '')}")
                result: Told = told.get("result", {})
                return result

    def hear(self, until: float) -> Told | None:
        """The next message; None when none came in time."""
        while b"\0" not in self._kept:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                return None
            piece = os.read(self._in, 65536)
            if not piece or len(self._kept) > MESSAGE:
                raise LostError(f"the browser ended: {self.last_words()}")
            self._kept += piece
        message, _, self._kept = self._kept.partition(b"\0")
        told: Told = json.loads(message)
        self._note(told)
        return told

    def _note(self, told: Told) -> None:
        """What the page says by itself."""
        kind, params = told.get("method"), told.get("params", {})
        said = ""
        if kind == "Page.loadEventFired":
            self.loaded = True
        elif kind == "Runtime.consoleAPICalled" and params.get("type") in ("error", "assert"):
            said = " ".join(str(arg.get("value", arg.get("description", ""))) for arg in params.get("args", ()))
        elif kind == "Runtime.exceptionThrown":
            details = params.get("exceptionDetails", {})
            said = str(details.get("exception", {}).get("description") or details.get("text"))
        elif kind == "Log.entryAdded" and params.get("entry", {}).get("level") == "error":
            entry = params["entry"]
            said = f"{entry.get('text', '')} {entry.get('url', '')}"
        if said and not said.rstrip().endswith("/favicon.ico") and len(self.console) < MOST:
            self.console.append(said[:500])


class Page:
    """One page of the service."""

    def __init__(self, browser: Browser, library: str) -> None:
        self._browser = browser
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session: str = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")
        self._ask("Page.addScriptToEvaluateOnNewDocument", source=library)
        size = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)

        self.until = browser.until
        """Nothing is waited for any longer."""

    def _ask(self, method: str, **params: Any) -> Told:
        return self._browser.ask(method, self._session, **params)

    def wait(self, until: float) -> None:
        """Hear what the page says by itself."""
        self._browser.hear(until)

    def open(self, url: str) -> str:
        """Go there and wait until it is loaded; why it could not be, else empty."""
        self._browser.loaded = False
        told = self._ask("Page.navigate", url=url)
        if told.get("errorText"):
            return str(told["errorText"])
        while not self._browser.loaded:
            if self._browser.hear(self._browser.until) is None:
                return "it was not loaded in time"
        return ""

    def said(self, script: str) -> Any:
        """What a script of ours comes to."""
        told = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in told:
            return None
        return told.get("result", {}).get("value")

    def at(self, x: float, y: float) -> None:
        """A click, as of a mouse."""
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self) -> bytes:
        """What is seen of it."""
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])


def did(page: Page, act: Told) -> Told:
    """What came of one act; what is looked for may still appear for a while."""
    until = min(time.monotonic() + PATIENCE, page.until)
    while True:
        told = tried(page, act)
        if told["ok"] or time.monotonic() >= until:
            return told
        page.wait(min(until, time.monotonic() + LOOK))


def tried(page: Page, act: Told) -> Told:
    """One act, tried once."""
    name, value = json.dumps(act.get("name")), json.dumps(act.get("value"))
    if act["act"] == "click":
        found = page.said(f"__setpoint.press({name})") or {"count": 0}
        if found["count"]:
            page.at(*found["at"])
        return {"ok": bool(found["count"])}
    if act["act"] == "fill":
        return {"ok": bool((page.said(f"__setpoint.fill({name}, {value})") or {"count": 0})["count"])}
    if act["act"] == "see":
        text = str(page.said("__setpoint.text()") or "")
        return {"ok": " ".join(act["name"].split()) in " ".join(text.split())}
    if act["act"] == "count":
        count = page.said(f"__setpoint.count({json.dumps(act['role'])}, {name})")
        ok = count == act["number"] if act["number"] is not None else bool(count)
        return {"ok": ok, "count": count or 0}
    if act["act"] == "no-console-errors":
        return {"ok": True}  # told at the end: what comes late counts too
    barriers = page.said("__setpoint.barriers()") or []
    return {"ok": not barriers, "barriers": barriers}


def looked(asked: Told, browser: Browser) -> Told:
    """Open the page, do all acts up to the first that cannot be done, and take the picture."""
    page = Page(browser, asked["library"])
    why = page.open(asked["url"])
    acts: list[Told] = []
    for act in () if why else asked["acts"]:
        acts.append(did(page, act))
        if not acts[-1]["ok"] and act["act"] in ("click", "fill"):
            break
    browser.hear(time.monotonic() + LOOK)
    Path(asked["picture"]).write_bytes(page.picture())
    text = str(page.said("__setpoint.text()") or "")[:WORDS]
    return {"why": why, "acts": acts, "text": text, "console": browser.console}


def main() -> None:
    """Do what standard input asks for, and tell it on standard output."""
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as home:
        browser = Browser(asked["browser"], home, time.monotonic() + asked["seconds"])
        try:
            told = looked(asked, browser)
        except LostError as error:
            told = {"lost": str(error)[:500]}
        finally:
            browser.end()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()

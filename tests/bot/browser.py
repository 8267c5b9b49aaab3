"""A real browser without a screen, driven through https://chromedevtools.github.io/devtools-protocol/."""

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chrome-headless-shell")
SECONDS = 30.0


def find_browser() -> str | None:
    """The program: what `BROWSER_PATH` names, or the first that is installed."""
    return os.environ.get("BROWSER_PATH") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One tab. `complaints` are what the browser itself objected to: errors, and what a page's own policy forbade (not answers such as 404)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def open(self, address: str) -> None:
        """Go to an address, and wait until the page is there."""
        self._loaded.clear()
        await self.send("Page.navigate", url=address)
        await self.loaded()

    async def loaded(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self._loaded.wait()

    async def type(self, selector: str, text: str) -> None:
        """Write into a field, instead of what stood there."""
        found = await self.run(
            f"(field => {{ field.focus(); field.select(); return field === document.activeElement }})"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        assert found, selector
        await self.send("Input.insertText", text=text)

    async def click(self, selector: str, *, leaves: bool = False) -> None:
        """Press the mouse where something stands; `leaves` where that leads to another page."""
        box = await self.run(
            f"(it => {{ it.scrollIntoView({{block: 'center'}}); const box = it.getBoundingClientRect();"
            f" return [box.x + box.width / 2, box.y + box.height / 2] }})"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        self._loaded.clear()
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
        if leaves:
            await self.loaded()

    async def press_enter(self) -> None:
        """The key on the keyboard, which sends the form that one is in."""
        self._loaded.clear()
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, **key)
        await self.loaded()

    async def run(self, script: str) -> Any:
        """What an expression of JavaScript gives, as JSON."""
        answer = await self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def text(self) -> str:
        """All that a person can read."""
        return str(await self.run("document.body.innerText"))

    async def names(self) -> list[tuple[str, str]]:
        """Role and name of everything that can be operated, as a screen reader tells them."""
        tree = (await self.send("Accessibility.getFullAXTree"))["nodes"]
        operated = {"textbox", "button", "link", "radio", "checkbox"}
        told = [(node.get("role", {}).get("value"), node.get("name", {}).get("value", "")) for node in tree]
        return [(role, name) for role, name in told if role in operated]

    async def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """The whole page as PNG."""
        shot = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(SECONDS):
            answer = await self._answers[number]
        del self._answers[number]
        assert "error" not in answer, (method, answer)
        return dict(answer["result"])

    async def close(self) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if said.get("id") in self._answers:
                self._answers[said["id"]].set_result(said)
            elif said.get("method") == "Page.loadEventFired":
                self._loaded.set()
            elif said.get("method") == "Log.entryAdded" and said["params"]["entry"]["source"] != "network":
                self.complaints.append(said["params"]["entry"]["text"])
            elif said.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(said["params"]))


@asynccontextmanager
async def browsing(program: str) -> AsyncIterator[Browser]:
    """A browser with one empty tab; ended with all of its processes."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with aiohttp.ClientSession() as session:
                address = await _tab(process, session)
                async with session.ws_connect(address, max_msg_size=2**26) as socket:
                    browser = Browser(socket)
                    for domain in ("Page", "Log", "Runtime", "Accessibility"):
                        await browser.send(f"{domain}.enable")
                    yield browser
                    await browser.close()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _tab(process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> str:
    """The address at which the tab of a browser that has just started takes orders."""
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        async for line in process.stderr:
            if found := re.search(r"DevTools listening on ws://([^/]+)/", line.decode()):
                break
        else:
            raise RuntimeError("The browser ended at once.")
        async with session.get(f"http://{found[1]}/json/list") as answer:
            tabs = await answer.json()
    return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")

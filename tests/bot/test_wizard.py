"""From a process without credentials to a bot at work, the way a person goes: over HTTP, and in a real browser."""

import asyncio
import html
import json
import re
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
import pytest_asyncio

from bot.manifest import WHY_EVENTS, WHY_PERMISSIONS, lacking, manifest, manifest_for

from .browser import Browser, browsing, find_browser
from .fake_github import FakeGitHub
from .service import Service, serving
from .test_straight_line import BLOCKING, MAIN

NOT_SET = dict.fromkeys(("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET"), "")


@asynccontextmanager
async def unset(github: FakeGitHub) -> AsyncIterator[Service]:
    async with serving(github, NOT_SET | {"GITHUB_URL": github.site}) as service:
        yield service


@asynccontextmanager
async def a_person() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Service]:
    """A process that waits to be set up, for the tests that only ask it something."""
    async with FakeGitHub() as github, unset(github) as service:
        yield service


def token_of(service: Service) -> str:
    return str(next(one["setup_token"] for one in service.log if "setup_token" in one))


async def sent(person: aiohttp.ClientSession, service: Service, **changed: str) -> tuple[int, str]:
    """What is answered to the form, with some of its fields changed."""
    form = {"token": token_of(service), "address": service.address, "name": "asyncify-acme", "owner": "user"} | changed
    async with person.post(f"{service.address}/setup", data=form) as answer:
        return answer.status, await answer.text()


def form_of(page: str) -> tuple[str, Mapping[str, str]]:
    """Where the form of a page sends to, and what."""
    action = re.search(r'action="([^"]+)"', page)
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    assert action
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in fields}


async def confirmed(person: aiohttp.ClientSession, page: str, github: FakeGitHub) -> str:
    """The address to which GitHub sends the person back."""
    action, fields = form_of(page)
    async with person.post(action, data=fields) as answer:
        assert answer.status == 200, await answer.text()
        _, made = form_of(await answer.text())
    async with person.post(f"{github.site}/made", data=made, allow_redirects=False) as answer:
        return answer.headers["location"]


async def get(person: aiohttp.ClientSession, address: str) -> tuple[int, str]:
    async with person.get(address) as answer:
        return answer.status, await answer.text()


async def is_at_work(service: Service, github: FakeGitHub) -> None:
    """The process that was set up reviews, keeps its credentials for itself, and cannot be set up again."""
    await service.logged(lambda one: one["event"] == "started")
    pull = github.repository("acme/shop", {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    assert await service.told(pull) == "reviewed"
    stored = service.database.with_name("asyncify-app.json")
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert json.loads(stored.read_text())["id"] == github.app.id
    async with a_person() as person:
        for method, path in (("GET", "/setup"), ("POST", "/setup"), ("GET", "/setup/callback?code=x&state=y")):
            async with person.request(method, service.address + path) as answer:
                assert answer.status == 404
    secrets = (github.app.private_key.splitlines()[1], github.app.webhook_secret)
    assert not [one for one in service.log if any(secret in json.dumps(dict(one)) for secret in secrets)]
    assert github.refusals == []


@pytest.mark.parametrize("organisation", ["", "acme"], ids=["a person's", "an organisation's"])
async def test_set_up(organisation: str) -> None:
    """The form leads to GitHub, GitHub leads back, and the bot goes on without a restart; the next process finds it set up."""
    async with FakeGitHub() as github, unset(github) as service, a_person() as person:
        owner = {"owner": "organisation", "organisation": organisation} if organisation else {}
        status, page = await sent(person, service, **owner)
        assert status == 200
        path = urlsplit(form_of(page)[0]).path
        assert path == (f"/organizations/{organisation}" if organisation else "") + "/settings/apps/new"
        back = await confirmed(person, page, github)
        status, page = await get(person, back)
        assert (status, "asyncify-acme" in page) == (200, True)
        assert f"/apps/{github.app.slug}/installations/new" in page
        assert (github.app.webhook_url, github.app.permissions) == (
            f"{service.address}/webhook",
            manifest().permissions,
        )
        await is_at_work(service, github)
        if organisation:
            assert await service.stop() == 0
            await service.start()
            pull = github.repository("acme/site", {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
            assert await service.told(pull) == "reviewed"


async def test_who_may_not_set_up() -> None:
    """Neither who does not know the token, nor who comes back from GitHub without having gone there, becomes the owner."""
    async with FakeGitHub() as github, unset(github) as service, a_person() as person, a_person() as stranger:
        for token in ("", "guess", token_of(service)[:-1], "\u00e9"):
            status, page = await sent(stranger, service, token=token)
            assert (status, "not the token" in page, "manifest" in page) == (403, True, False)
        _, page = await sent(person, service)
        back = await confirmed(person, page, github)
        code = parse_qs(urlsplit(back).query)["code"][0]
        callback = f"{service.address}/setup/callback"
        for attempt in (back, callback, f"{callback}?{urlencode({'code': code, 'state': 'made up'})}"):
            status, page = await get(stranger, attempt)
            assert (status, "does not belong" in page) == (403, True)
        assert github.count("POST /app-manifests/{code}/conversions") == 0
        assert (await get(person, back))[0] == 200
        await is_at_work(service, github)


async def test_a_code_that_serves_no_more() -> None:
    """What GitHub does not take back is said, once, however often it was asked for; one may begin again, and nothing is stored."""
    async with FakeGitHub() as github, unset(github) as service, a_person() as person:
        back = await confirmed(person, (await sent(person, service))[1], github)
        github.manifest_codes.clear()
        twice = sorted(await asyncio.gather(get(person, back), get(person, back)))
        assert [status for status, _ in twice] == [403, 502]
        page = twice[1][1]
        assert ("serves once" in page, "Begin again" in page) == (True, True)
        assert not service.database.with_name("asyncify-app.json").exists()
        assert (await get(person, back))[0] == 403
        back = await confirmed(person, (await sent(person, service))[1], github)
        assert (await get(person, back))[0] == 200


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("address", "bot.example", "https://HOST"),
        ("address", "https://bot.example/path", "https://HOST"),
        ("address", "https://user@bot.example", "https://HOST"),
        ("address", "https://bot.example:99999", "https://HOST"),
        ("address", "javascript:alert(1)", "https://HOST"),
        ("name", '"><script>', "letters"),
        ("name", "x" * 35, "letters"),
        ("organisation", "../../settings", "organisation"),
        ("organisation", "", "organisation"),
    ],
)
async def test_a_form_that_is_wrong(field: str, value: str, said: str, shared: Service) -> None:
    """Each mistake is said at its field; what was typed stays, and stays text."""
    async with a_person() as person:
        status, page = await sent(person, shared, **{"owner": "organisation", "organisation": "acme", field: value})
    assert status == 422
    assert said in page[page.index('role="alert"') :]
    assert f'id="{field}-wrong"' in page
    assert "<script" not in page
    if value:
        assert html.escape(value) in page


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cookie_that_is_no_text(shared: Service) -> None:
    """It is one that we did not give."""
    async with aiohttp.ClientSession(headers={"Cookie": "asyncify-setup=\udcff"}) as stranger:
        status, page = await get(stranger, f"{shared.address}/setup/callback?state=x&code=y")
    assert (status, "does not belong" in page) == (403, True)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_page(shared: Service) -> None:
    """It tells every permission and event with its reason, and its own policy forbids everything that it does not need."""
    async with a_person() as person, person.get(f"{shared.address}/setup") as answer:
        page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
    for reason in (*map(WHY_PERMISSIONS.get, manifest().permissions), *map(WHY_EVENTS.get, manifest().events)):
        assert reason
        assert html.escape(reason) in page
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page


async def test_a_secret_of_our_own() -> None:
    """Where GitHub gives no webhook secret, the bot sets one, and deliveries are checked with it."""
    async with FakeGitHub(webhook_secret="") as github, unset(github) as service, a_person() as person:
        back = await confirmed(person, (await sent(person, service))[1], github)
        assert (await get(person, back))[0] == 200
        assert len(github.app.webhook_secret) > 30
        await is_at_work(service, github)


@pytest.mark.skipif(
    find_browser() is None, reason="no browser is installed: apt-get install chromium, or set BROWSER_PATH"
)
async def test_in_a_browser(tmp_path: Path) -> None:
    """A person sets the App up with mouse and keyboard: on a phone, in the dark; and the browser has nothing to object to."""
    program = find_browser()
    assert program
    async with FakeGitHub() as github, unset(github) as service, browsing(program) as browser:
        await browser.open(f"{service.address}/setup")
        assert "What it will ask for" in await browser.text()
        assert await unnamed(browser) == []
        for width, dark in ((1100, False), (390, True)):
            await browser.resize(width, 900, dark=dark)
            assert await browser.run("document.documentElement.scrollWidth <= window.innerWidth")
            (tmp_path / f"setup-{width}.png").write_bytes(await browser.picture())
        await browser.type("#token", "guess")
        await browser.click("button", leaves=True)
        assert "not the token" in await browser.text()
        await browser.type("#token", token_of(service))
        await browser.type("#name", "asyncify-acme")
        await browser.click("input[value=organisation]")
        await browser.type("#organisation", "acme")
        (tmp_path / "filled.png").write_bytes(await browser.picture())
        await browser.press_enter()
        assert "One step left" in await browser.text()
        (tmp_path / "confirm.png").write_bytes(await browser.picture())
        await browser.click("button", leaves=True)
        assert await browser.run("document.title") == "Create GitHub App"
        await browser.click("button", leaves=True)
        assert "the bot is at work" in await browser.text()
        (tmp_path / "done.png").write_bytes(await browser.picture())
        assert github.app.owner.login == "acme"
        await is_at_work(service, github)
        await browser.open(service.address)
        assert await browser.run("document.title") == "asyncify"
        (tmp_path / "home.png").write_bytes(await browser.picture())
        assert browser.complaints == []


async def unnamed(browser: Browser) -> list[str]:
    """What can be operated and has no name that a screen reader could tell."""
    return [role for role, name in await browser.names() if not name.strip()]


def test_the_manifest_for_an_address() -> None:
    """Every address leads to the bot, and nothing else is changed."""
    made = manifest_for("https://bot.example", "asyncify-acme")
    assert made["hook_attributes"] == {"url": "https://bot.example/webhook", "active": True}
    assert (made["url"], made["redirect_url"]) == ("https://bot.example/", "https://bot.example/setup/callback")
    assert (made["name"], made["public"]) == ("asyncify-acme", False)
    assert "HOST" not in json.dumps(made)


def test_what_is_lacking() -> None:
    """A permission that is not granted, or only to read where it is asked to write."""
    assert lacking(manifest().permissions) == {}
    assert lacking({**manifest().permissions, "contents": "read", "checks": "admin"}) == {"contents": "write"}
    assert lacking({}) == manifest().permissions

"""Send nonsense: bodies and headers to the intake, source files to the analysis.

python -m benchmarks.fuzz [--deliveries 100000] [--files 20000] [--checkout DIR] [--seed 1]

Deliveries are payloads of every event, mutated, most of them signed as GitHub would; they go through the real application, and
every fiftieth also over a socket, some of those as broken HTTP. Files are generated, mutated (from those below DIR, and from a sample),
and pathological; they are read and analysed by the real killable processes. None may be answered with 5xx, none may end the process or
take longer than the deadline.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import streams, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import TestServer, make_mocked_request
from yarl import URL

from benchmarks.figures import quantile, read, say, say_load
from benchmarks.sample import sample
from bot import intake
from bot.analysis import AnalysisFailed, Analyst
from bot.contents import blob_sha
from bot.events import Requested
from bot.settings import Credentials
from tests.bot.fake_github import FakeGitHub, sign

ALLOWED = {200, 202, 400, 401, 413, 415}
SECRET = "it is a secret to everybody"
APP = 12
SLOWEST = 1.0
"""Seconds of CPU that one delivery may take: a machine that others use as well makes it wait for longer."""
DEADLINE = 20.0
"""Seconds that one analysis may take; what takes longer has to be ended within a few more."""
TOGETHER = 25
"""Files that are analysed as one project."""
MEMORY = 1024**3

Headers = dict[str, str]


# --- deliveries


def payloads() -> list[tuple[str, dict[str, Any]]]:
    """One payload of each event, as the fake GitHub sends it."""
    github = FakeGitHub(webhook_secret=SECRET)
    shop = github.repository("octo/shop", {"app.py": "x = 1\n"})
    pull = shop.open_pull({"app.py": "x = 2\n"})
    installation = github.installation_of(shop)
    told = [
        (event, github.webhook(event, action, pull))
        for event, actions in {"pull_request": ("opened", "synchronize", "edited", "closed")}.items()
        for action in actions
    ]
    told += [
        ("installation", github.webhook("installation", action, installation)) for action in ("created", "deleted")
    ]
    told.append(("ping", github.webhook("ping")))
    about = {key: told[0][1][key] for key in ("repository", "sender", "installation")}
    checked = {"id": 1, "head_sha": pull.head, "pull_requests": [{"number": pull.number}], "app": {"id": APP}}
    told += [
        (f"check_{kind}", {**about, "action": "rerequested", f"check_{kind}": checked}) for kind in ("run", "suite")
    ]
    comment = {"id": 5, "body": "/asyncify fix all", "user": {"login": "ann", "id": 3, "type": "User"}}
    issue = {"number": pull.number, "pull_request": {"url": "https://api.github.com/"}, "user": comment["user"]}
    told.append(("issue_comment", {**about, "action": "created", "comment": comment, "issue": issue}))
    thread = {**about, "action": "created", "comment": comment, "pull_request": told[0][1]["pull_request"]}
    told.append(("pull_request_review_comment", thread))
    told.append(("push", {**about, "ref": "refs/heads/main", "before": "0" * 40, "after": pull.head, "commits": []}))
    return told


def deliveries(count: int, chance: random.Random) -> Iterator[tuple[bytes, Headers]]:
    known = payloads()
    for _ in range(count):
        event, payload = chance.choice(known)
        body = _body(payload, chance)
        yield body, _headers(event, body, chance)


def _body(payload: dict[str, Any], chance: random.Random) -> bytes:
    changed = json.loads(json.dumps(payload))
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        _change(changed, chance)
    body = json.dumps(changed).encode()
    return chance.choice(BODIES)(body, chance) if chance.random() < 0.3 else body


def _change(value: Any, chance: random.Random) -> None:
    """Put something odd in some place of a payload, or take it away."""
    while isinstance(value, (dict, list)) and value:
        key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.7:
            value = inner
            continue
        if chance.random() < 0.2:
            del value[key]
        else:
            value[key] = chance.choice(ODD)(chance)
        return


ODD: Sequence[Callable[[random.Random], Any]] = (
    lambda _: None,
    lambda _: True,
    lambda chance: chance.randrange(-(2**70), 2**70),
    lambda chance: chance.random() * 10.0 ** chance.randrange(-300, 300),
    lambda _: "",
    lambda chance: "".join(map(chr, (chance.randrange(32, 0xD000) for _ in range(20)))),
    lambda _: "\ud800",
    lambda _: "\x00/../../etc/passwd",
    lambda _: "a" * 100_000,
    lambda _: [],
    lambda _: {},
    lambda _: [None] * 1000,
    lambda _: {"id": {"id": {"id": 1}}},
    lambda _: "opened",
    lambda _: "/asyncify " + "fix " * 500,
    lambda _: "<!-- asyncify v1 head=x -->",
)

BODIES: Sequence[Callable[[bytes, random.Random], bytes]] = (
    lambda body, chance: body[: chance.randrange(len(body))],
    lambda body, chance: _flipped(body, chance),  # noqa: PLW0108 -- it is defined below
    lambda body, chance: body + bytes(chance.randrange(256) for _ in range(chance.randrange(1, 50))),
    lambda body, _: body.decode().encode("utf-16"),
    lambda body, _: b"\xef\xbb\xbf" + body,
    lambda _, __: b"",
    lambda _, __: b"null",
    lambda _, chance: b"[" * chance.choice((10, 1000, 100_000)),
    lambda _, chance: b'{"a":' * chance.choice((10, 1000, 50_000)),
    lambda _, __: b'{"action": 1e999999, "number": -0}',
    lambda _, __: b'{"action": "opened", "action": "closed", "installation": {"id": 1}, "installation": []}',
    lambda _, chance: chance.randbytes(chance.randrange(2000)),
    lambda body, _: body.replace(b'"', b"'"),
    lambda body, _: body * 2,
)


def _flipped(body: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.randrange(1, 20)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _headers(event: str, body: bytes, chance: random.Random) -> Headers:
    headers = sign(body, SECRET, event=event, app_id=APP)
    headers = {name.title(): value for name, value in headers.items()}
    if chance.random() < 0.25:
        name = chance.choice(list(headers))
        if chance.random() < 0.3:
            del headers[name]
        else:
            headers[name] = chance.choice(
                ("", "x" * 5000, "pull_request", "sha256=", "sha256=" + "0" * 64, "é", "application/xml", "-1", "1, 2")
            )
    return headers


class Door:
    """The application in front of nothing: it stores what it is given by counting it."""

    def __init__(self) -> None:
        self.application = web.Application(client_max_size=intake.LARGEST_BODY)
        intake.add_to(self.application, Credentials(APP, "", (SECRET.encode(),)), self._enqueue)
        self.stored = 0

    async def _enqueue(self, _delivery: str, asked: Requested) -> None:
        json.dumps(str(asked))
        self.stored += 1

    async def answer(self, body: bytes, headers: Headers) -> int:
        """The status that the application answers, 500 where it fails."""
        content = streams.StreamReader(_protocol(), 2**30, loop=asyncio.get_running_loop())
        content.feed_data(body)
        content.feed_eof()
        request = make_mocked_request("POST", "/webhook", headers=headers, payload=content, app=self.application)
        request._client_max_size = intake.LARGEST_BODY  # noqa: SLF001 -- the server would set it
        try:
            return (await intake.receive(request)).status
        except web.HTTPException as refusal:
            return refusal.status
        except Exception as error:  # noqa: BLE001 -- that is what is looked for
            print(f"  {type(error).__name__}: {error} for {headers} {body[:200]!r}")
            return 500


def _protocol() -> BaseProtocol:
    return BaseProtocol(asyncio.get_running_loop())


async def fuzz_deliveries(count: int, chance: random.Random) -> list[str]:
    """What was answered, and what should not have been."""
    door, answers, times = Door(), Counter[str](), []
    async with _listening(door) as (session, address):
        for number, (body, headers) in enumerate(deliveries(count, chance)):
            begun = time.process_time()
            answers[str(await door.answer(body, headers))] += 1
            times.append(time.process_time() - begun)
            if number % 10_000 == 9_999:
                print(f"  {number + 1} deliveries", flush=True)
            if number % 50 == 0:
                answers[f"{await _over_http(session, address, body, headers, chance)} over HTTP"] += 1
    bad = [f"{many} x {status}" for status, many in answers.items() if int(status.split()[0]) not in {*ALLOWED, 0}]
    say("deliveries: answers", ", ".join(f"{status}: {many}" for status, many in sorted(answers.items())))
    say("deliveries: stored", str(door.stored))
    say(
        "deliveries: CPU, p99, slowest",
        f"{quantile(times, 0.99) * 1e3:.2f}, {max(times) * 1e3:.0f} ms",
        f"{SLOWEST} s",
        held=max(times) < SLOWEST,
    )
    say("deliveries: answered with anything else", str(sum(map(len, bad))), "none", held=not bad)
    return bad


@asynccontextmanager
async def _listening(door: Door) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with TestServer(door.application, host="127.0.0.1") as server, aiohttp.ClientSession() as session:
        yield session, str(server.make_url("/webhook"))


async def _over_http(
    session: aiohttp.ClientSession, address: str, body: bytes, headers: Headers, chance: random.Random
) -> int:
    """The status; 0 where the connection was closed without one."""
    if chance.random() < 0.5:
        try:
            async with session.post(address, data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, ValueError):  # not even a client could send that
            return 0
    url = URL(address)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % chance.choice((len(body), 0, 5, 10**12))
    head += b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
    raw = chance.choice((head + b"\r\n" + body, _flipped(head, chance) + b"\r\n" + body, body + b"\r\n\r\n", head))
    try:
        writer.write(raw)
        writer.write_eof()
        line = await asyncio.wait_for(reader.readline(), 5)
    except (ConnectionError, TimeoutError):
        return 0
    finally:
        writer.close()
    parts = line.split()
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


# --- source files


def files(count: int, known: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """Mostly mutated ones, some generated, some pathological."""
    for _ in range(count):
        kind = chance.random()
        if kind < 0.8:
            yield _mutated(chance.choice(known), known, chance)
        elif kind < 0.95:
            yield _generated(chance)
        else:
            yield chance.choice(PATHOLOGICAL)(chance.choice((10, 100, 1000, 20_000))).encode(errors="replace")[
                :1_000_000
            ]


def _mutated(text: bytes, known: Sequence[bytes], chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True) or [b"\n"]
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(lines))
        match chance.randrange(9):
            case 0:
                del lines[at : at + chance.randrange(1, 4)]
            case 1:
                lines[at:at] = [lines[at]] * chance.randrange(1, 4)
            case 2:
                lines[at] = _flipped(lines[at], chance) if lines[at] else b""
            case 3:
                lines[at] = lines[at].replace(b"def ", b"async def ") if chance.random() < 0.5 else b" " + lines[at]
            case 4:
                lines[at:at] = chance.choice(known).splitlines(keepends=True)[:40]
            case 5:
                lines[at] = lines[at].replace(b"await ", b"") if b"await" in lines[at] else lines[at].strip()
            case 6:
                lines[at] = chance.choice(WORDS).encode() + b" " + lines[at]
            case 7:
                lines = lines[: at + 1]
            case _:
                lines[at] = lines[at].replace(b"(", b"((", 1)
        lines = lines or [b"\n"]
    return b"".join(lines)


WORDS = (
    *(
        "async",
        "await",
        "lambda:",
        "yield",
        "*",
        "**",
        "@",
        ":=",
        "match x:",
        "type X =",
        "global a;",
        "del",
        "\t",
        "\f",
    ),
    *(
        "f'{",
        "'''",
        "\\",
        "\x00",
        "\u2028",
        "# type: ignore",
        "# asyncify: ignore[",
        "# -*- coding: utf-7 -*-",
        "from . import *",
    ),
)

STATEMENTS = (
    "time.sleep(1)",
    "requests.get(url, timeout=1).json()",
    "x = [requests.get(u) for u in urls]",
    "with open(name) as f: data = f.read()",
    "subprocess.run(['ls'], check=True)",
    "session.execute(select(User)).scalars().all()",
    "await helper_{n}()",
    "helper_{n}()",
    "return helper_{n}(x)",
    "async with lock: time.sleep(0.1)",
    "for x in helper_{n}(): pass",
    "yield helper_{n}()",
    "class Inner:\n        def f(self): return helper_{n}()",
    "try:\n        helper_{n}()\n    except* ValueError: raise",
    "match x:\n        case {{'a': [y, *_]}} if y: pass",
    "x: 'Annotated[Session, Depends(helper_{n})]' = None",
    "nonlocal_ = lambda: (yield)",
    "print(f'{{x!r:>{{n}}}}')",
)


def _generated(chance: random.Random) -> bytes:
    head = "import time, requests, subprocess\nfrom fastapi import FastAPI, Depends\napp = FastAPI()\n"
    parts = [head]
    for number in range(chance.randrange(1, 30)):
        decorator = chance.choice(
            ("", "@app.get('/x')\n", "@app.on_event('startup')\n", "@contextmanager\n", "@property\n")
        )
        kind = chance.choice(("def", "async def"))
        given = chance.choice(
            ("", "x", "x=Depends(helper_0)", "*args, **kwargs", "request: Request, db: Session = Depends(get_db)")
        )
        body = "\n    ".join(
            chance.choice(STATEMENTS).format(n=chance.randrange(30)) for _ in range(chance.randrange(1, 6))
        )
        parts.append(f"\n\n{decorator}{kind} helper_{number}({given}):\n    {body}\n")
    return "".join(parts).encode()


PATHOLOGICAL: Sequence[Callable[[int], str]] = (
    lambda n: "x = " + "(" * n + ")" * n,
    lambda n: "x = " + "[" * n + "]" * n,
    lambda n: "x = " + "-" * n + "1",
    lambda n: "x = " + "not " * n + "x",
    lambda n: "x = " + " + ".join(["x"] * n),
    lambda n: "x = a" + ".b" * n,
    lambda n: "x = a" + "()" * n,
    lambda n: "x = a" + "[0]" * n,
    lambda n: "x = " + "f'{" * min(n, 150) + "}'" * min(n, 150),
    lambda n: "x = " + "lambda: " * n + "0",
    lambda n: "x = " + "1 if x else " * n + "0",
    lambda n: "".join(f"{' ' * min(d, 400)}if x:\n" for d in range(min(n, 400))) + " " * 401 + "pass\n",
    lambda n: "if x: pass\n" + "elif x: pass\n" * n,
    lambda n: "".join(f"{' ' * d}def f{d}():\n" for d in range(min(n, 90))) + " " * 91 + "time.sleep(1)\n",
    lambda n: "".join(f"{' ' * d}class C{d}(C{d - 1}):\n" for d in range(min(n, 90))) + " " * 91 + "pass\n",
    lambda n: "x = '" + "a" * n * 40 + "'",
    lambda n: "x = " + "1" * n,
    lambda n: "x = {" + ", ".join(f"'k{i}': {i}" for i in range(n)) + "}",
    lambda n: "\n".join(f"from m{i} import *" for i in range(n)),
    lambda n: "import " + ".".join(["a"] * n),
    lambda n: "from " + "." * n + " import x",
    lambda n: "@app.get('/')\n" * n + "async def f(): time.sleep(1)\n",
    lambda n: "\n".join(f"async def f{i}(): f{i + 1}(); f{i + 2}(); f{(i * 7) % (n + 1)}()" for i in range(n)),
    lambda n: "\n".join(
        f"def f{i}(): " + "; ".join(f"f{j}()" for j in range(0, min(n, 300), 3)) for i in range(min(n, 300))
    ),
    lambda n: (
        "class A: pass\n"
        + "\n".join(f"class C{i}({', '.join(f'C{j}' for j in range(max(0, i - 5), i)) or 'A'}): pass" for i in range(n))
    ),
    lambda n: "a0 = int\n" + "\n".join(f"a{i + 1} = a{i} | a{i}" for i in range(n)),
    lambda n: "\n".join(f"x{i} = x{i + 1}" for i in range(n)) + f"\nx{n} = x0",
    lambda n: "async def f():\n" + "    time.sleep(1)\n" * n,
    lambda n: "async def f():\n    " + "; ".join(["time.sleep(1)"] * n) + "\n",
    lambda n: "async def f():\n    return " + "requests.get(" * min(n, 90) + "u" + ")" * min(n, 90) + "\n",
    lambda n: "x = [" + "x for x in " * min(n, 90) + "y]" + "]" * 0,
    lambda n: "def f(" + ", ".join(f"a{i}=Depends(f{i})" for i in range(n)) + "): pass",
    lambda n: "\n" * n * 40,
    lambda n: "#" * n * 40,
    lambda n: "\\\n" * n + "x = 1",
    lambda n: "with " + ", ".join(["open(x)"] * n) + ": pass",
    lambda n: "match x:\n" + "    case [" * 1 + "*_]: pass\n" + "    case 1: pass\n" * n,
    lambda n: "type X[" + ", ".join(f"T{i}" for i in range(n)) + "] = int",
    lambda n: "\ufeff" * min(n, 5) + "x = 1",
    lambda n: "# -*- coding: " + "x" * n + " -*-\nx = 1",
    lambda n: "x = '\\N{" + "A" * n + "}'",
    lambda n: "global " + ", ".join(f"a{i}" for i in range(n)),
    lambda n: "é" * n + " = 1",
    lambda n: "# asyncify: ignore[" + "a/b," * n + "]\n",
)


async def fuzz_files(count: int, known: Sequence[bytes], chance: random.Random) -> list[str]:
    """How the files were read and analysed, and what should not have happened."""
    analyst, results = Analyst(2, deadline=DEADLINE, memory=MEMORY), Counter[str]()
    times: list[float] = []
    source = files(count, known, chance)
    turn = asyncio.Lock()

    async def analyse_some() -> None:
        while batch := [text for _, text in zip(range(TOGETHER), source, strict=False)]:
            async with turn:
                pass  # tasks take turns at the generator
            begun = time.perf_counter()
            await _analyse(analyst, batch, results)
            if len(times) % 40 == 39:
                print(f"  {(len(times) + 1) * TOGETHER} files", flush=True)
            times.append(time.perf_counter() - begun)

    try:
        await asyncio.gather(analyse_some(), analyse_some())
    finally:
        await analyst.close()
    say("files: what became of them", ", ".join(f"{what}: {many}" for what, many in sorted(results.items())))
    say(f"files: slowest project of {TOGETHER}", f"{max(times):.1f} s")
    mistakes = [f"{many} x {what}" for what, many in results.items() if "mistake" in what]
    say("files: mistakes of ours", str(len(mistakes)), "none", held=not mistakes)
    return mistakes


async def _analyse(analyst: Analyst, batch: Sequence[bytes], results: Counter[str]) -> None:
    sources = {f"app/m{number}.py": text for number, text in enumerate(batch)}
    encoded = await analyst.read(sources)
    results["files read"] += len(encoded)
    results["files left out"] += len(sources) - len(encoded)
    head = {path: (blob_sha(sources[path]), facts) for path, facts in encoded.items()}
    try:
        analysis = await analyst.analyze(head, sources)
    except AnalysisFailed as failure:
        results[f"projects: {failure.reason}"] += 1
    else:
        results["projects analysed"] += 1
        results["findings"] += len(analysis.findings)
        results["files that do not parse"] += len(analysis.unreadable)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--checkout", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    say_load()
    logging.disable(logging.CRITICAL)  # each broken request is logged
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    known = list(sample(0.3).values()) + (list(read(asked.checkout).values()) if asked.checkout else [])
    bad = asyncio.run(fuzz_deliveries(asked.deliveries, random.Random(asked.seed))) if asked.deliveries else []
    if asked.files:
        bad += asyncio.run(fuzz_files(asked.files, known, random.Random(asked.seed)))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()

"""Markdown that what stands in it cannot leave.

Pure. What comes from a repository (names, paths, routes, code) may be hostile: it passes through `code`, `prose` or
`fenced` and cannot leave them, mention people, refer to issues or become a link or HTML. The syntax is that of
https://github.github.com/gfm/; mentions and references are resolved after it, in text that is no code.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from bot.models import PullRequest

MAX_SENTENCE = 1_000  # characters of a sentence that comes from an analysis
MAX_NAME = 200
MAX_ADDRESS = 1_000
MAX_NAMED = 30  # unreadable files, configuration problems

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_UNSEEN_IN_CODE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>~$&!#]")
# What GitHub looks for in rendered text: mentions, issues, addresses, emoji. A zero-width space after the first part hides it.
_CALLING = re.compile(r"@(?=\w)|#(?=\w)|GH-(?=\d)|:(?=//)|:(?=[\w+-]+:)|www(?=\.)|mailto(?=:)|xmpp(?=:)", re.IGNORECASE)
_ZERO_WIDTH = "\u200b"


def code(text: str) -> str:
    """The text as a code span on one line, whatever it holds."""
    shown = shortened(_UNSEEN.sub("\ufffd", text), MAX_NAME)
    ticks = "`" * _next_run(shown, 1)
    padding = " " if shown[:1] in {"`", " "} or shown[-1:] in {"`", " "} or not shown else ""
    return f"{ticks}{padding}{shown or '?'}{padding}{ticks}"


def prose(text: str, *, table: bool = False) -> str:
    """A sentence on one line. Code spans in it stay code (in a table only those without `|`); all else is plain text."""
    pieces, plain, position = [], "", 0
    line = " ".join(shortened(text, MAX_SENTENCE).split())
    for found in _CODE.finditer(line):
        inner = found[2].strip() or found[2]
        plain += line[position : found.start()]
        if table and "|" in inner:
            plain += inner  # beside what follows it may mean more than by itself
        else:
            pieces += [_plain(plain), code(inner)]
            plain = ""
        position = found.end()
    joined = "".join([*pieces, _plain(plain + line[position:])])
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", joined)


def paragraphs(text: str) -> Iterator[str]:
    """Markdown of ours with code in it: paragraphs and code spans are kept, all else is shown as it stands."""
    yield from (prose(paragraph) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip())


def fenced(kind: str, text: str) -> str:
    """A fenced block with exactly this text, which ends with a line end. `kind` is its info string."""
    ticks = "`" * _next_run(text, 3)
    return f"{ticks}{kind}\n{text}{ticks}"


def fenced_diff(diff: str) -> str:
    """A unified diff as GitHub colours it."""
    return fenced("diff", visible(diff.replace("\r\n", "\n")))


def folded(title: str, parts: Iterable[str]) -> str:
    """Markdown below a title that has to be opened."""
    inside = "\n\n".join(parts)
    return f"<details>\n<summary>{title}</summary>\n\n{inside}\n\n</details>"


def listed(heading: str, items: Sequence[str]) -> Iterator[str]:
    """A list below a sentence; nothing where it would be empty."""
    if items:
        more = [f"and {len(items) - MAX_NAMED} more"] if len(items) > MAX_NAMED else []
        yield "\n".join([heading, "", *(f"- {item}" for item in [*items[:MAX_NAMED], *more])])


def link(path: str, line: int, pull: PullRequest) -> str:
    """A line of a file at the head, to click on."""
    label = code(f"{path}:{line}")
    address = f"{pull.repository_page}/blob/{pull.head}/{quote(path, errors='replace')}#L{line}"
    return f"[{label}]({address})" if len(address) <= MAX_ADDRESS else label


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters of it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str) -> str:
    """Code without characters that nobody can see, which might turn what a reader takes it for."""
    return _UNSEEN_IN_CODE.sub("\ufffd", text)


def _plain(text: str) -> str:
    quiet = _CALLING.sub(lambda found: found[0] + _ZERO_WIDTH, _UNSEEN.sub("\ufffd", text))
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", quiet).replace("|", "&#124;")


def _next_run(text: str, shortest: int) -> int:
    """One backtick more than the text has in a row."""
    return max(shortest, 1 + max(map(len, re.findall(r"`+", text)), default=0))

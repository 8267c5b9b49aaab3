r"""Slash commands: what a comment asks the bot to do.

Pure. A command stands at the start of a line of Markdown, where that line is shown as text: not in code, a quote or an HTML
comment. The syntax is that of https://github.github.com/gfm/.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

VERBS = ("review", "fix", "explain", "ignore", "pause", "resume", "config", "help")
"""`/asyncify` alone is `review`."""
WAYS = ("twin", "def", "offload")
MAX_COMMANDS = 3
MAX_TARGETS = 50
MAX_WORD = 300  # characters

_COMMAND = re.compile(r" {0,3}/asyncify(?:[ \t]+(?P<rest>.*))?[ \t]*", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*$)|~{3,})")
_QUOTE = re.compile(r" {0,3}>")
_CODE_BLOCK = re.compile(r"(?: {4}| {0,3}\t)")
_RAW = re.compile(r" {0,3}<(?P<tag>pre|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)
_INTERRUPTING = re.compile(r" {0,3}(?:#{1,6}(?:\s|$)|(?:[*_-][ \t]*){3,}$|<!--|[*+-]\s|1[.)]\s)")
_HIDING = re.compile(r"`+|<!--")


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that is asked for.

    `targets` are ids, rules, paths or `all`, as they were written. `way` is one of `WAYS`, or empty. `problem` says in
    one sentence why it cannot be understood; `verb` is then the word that was given.
    """

    verb: str
    targets: tuple[str, ...] = ()
    unsafe: bool = False
    way: str = ""
    problem: str = ""


def read_commands(body: str) -> tuple[Command, ...]:
    """The commands of a comment, each once, in order, `MAX_COMMANDS` at most."""
    found = (_COMMAND.fullmatch(line) for line in _lines_of_text(body.replace("\r\n", "\n").replace("\r", "\n")))
    commands = dict.fromkeys(_read((match["rest"] or "").replace("\x00", " ").split()) for match in found if match)
    return tuple(commands)[:MAX_COMMANDS]


def _read(words: Sequence[str]) -> Command:
    verb = words[0][:MAX_WORD].lower() if words else "review"
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, n=1, cutoff=0.65)
        meant = f" Did you mean `/asyncify {near[0]}`?" if near else ""
        return Command(verb, problem=f"`{verb}` is no command.{meant}")
    return _with_options(verb, [_plain(word[:MAX_WORD]) for word in words[1 : MAX_TARGETS + 1]])


def _plain(word: str) -> str:
    """Keyboards turn two hyphens into a dash, and people put backticks around names."""
    return re.sub(r"^[\u2013\u2014]", "--", word).strip("`")


def _with_options(verb: str, words: Sequence[str]) -> Command:
    targets: list[str] = []
    unsafe, way = False, ""
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        match name.lower():
            case "--unsafe" if verb == "fix" and not equals:
                unsafe = True
            case "--as" if verb == "fix":
                way = (value if equals else next(rest, "")).lower()
                if way not in WAYS:
                    return Command(verb, problem="`--as` takes `twin`, `def` or `offload`.")
            case name if name.startswith("-"):
                return Command(verb, problem=_unknown_option(name, verb))
            case _ if word:
                targets.append(word.rstrip(","))
    return _checked(Command(verb, tuple(filter(None, targets)), unsafe, way))


def _unknown_option(name: str, verb: str) -> str:
    near = get_close_matches(name, ("--unsafe", "--as"), n=1) if verb == "fix" else []
    return f"`/asyncify {verb}` has no option `{name}`." + (f" Did you mean `{near[0]}`?" if near else "")


def _checked(command: Command) -> Command:
    """A command with more targets than its verb takes is not understood, rather than half done."""
    most = {"fix": MAX_TARGETS, "explain": 1, "ignore": 1}.get(command.verb, 0)
    if len(command.targets) <= most:
        return command
    takes = f"takes {most} id or rule" if most else "takes nothing more"
    called = "/asyncify" if command.verb == "review" else f"/asyncify {command.verb}"
    return Command(command.verb, problem=f"`{called}` {takes}, not `{' '.join(command.targets)}`.")


def _lines_of_text(body: str) -> Iterator[str]:
    """The lines that are shown as plain text. What is hidden or code within a line leaves a mark in its place."""
    for paragraph in _paragraphs(body):
        yield from "".join(_marked(paragraph)).split("\n")


def _marked(paragraph: str) -> Iterator[str]:
    """Line ends stay, but what follows on the same line is no start of one. A code span on one line is a word like others."""
    position = 0
    for start, end in _hidden(paragraph):
        hidden = paragraph[start:end]
        yield paragraph[position:start]
        yield hidden if hidden[0] == "`" and "\n" not in hidden else "\n\x00" * hidden.count("\n") or "\x00"
        position = end
    yield paragraph[position:]


def _hidden(paragraph: str) -> Iterator[tuple[int, int]]:
    """Where code spans and HTML comments begin and end. What opens and never closes is text, but for a comment: that hides the rest.

    A span ends at the next run of as many backticks, which is looked up: a search from each run takes a second for what a comment
    may hold, and whoever sends deliveries waits for it.
    """
    openings = list(_HIDING.finditer(paragraph))
    later, closing = dict[str, int](), dict[int, int]()
    for found in reversed(openings):
        closing[found.start()] = later.get(found[0], 0)
        later[found[0]] = found.end()
    position = 0
    for found in openings:
        start = found.start()
        if start < position:
            continue
        if end := closing[start] if found[0] != "<!--" else _comment_end(paragraph, found.end()):
            yield start, end
            position = end


def _comment_end(text: str, inside: int) -> int:
    end = text.find("-->", inside)
    return len(text) if end < 0 else end + len("-->")


def _paragraphs(body: str) -> Iterator[str]:
    """Runs of lines that are neither code nor quotes; a run ends where a blank line or another block begins."""
    lines = body.split("\n")
    here: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        end = _block_end(lines, number, within=bool(here))
        if end is None and line.strip():
            here.append(line)
        if (end is not None or not line.strip()) and here:
            yield "\n".join(here)
            here = []
        if end is not None and _is_comment(line):
            yield "\n".join(lines[number:end])
        number = number + 1 if end is None else end
    if here:
        yield "\n".join(here)


def _is_comment(line: str) -> bool:
    return line.lstrip(" ").startswith("<!--")


def _block_end(lines: Sequence[str], start: int, *, within: bool) -> int | None:
    """Where the block that begins here ends, if it is no paragraph. Indented text within a paragraph is part of it."""
    line = lines[start]
    if fence := _FENCE.match(line):
        return _after(
            lines, start + 1, re.compile(rf" {{0,3}}{re.escape(fence['fence'][0])}{{{len(fence['fence'])},}}\s*")
        )
    if raw := _RAW.match(line):
        closing = re.compile(rf".*</{raw['tag']}>.*", re.IGNORECASE)
        return start + 1 if closing.fullmatch(line, raw.end()) else _after(lines, start + 1, closing)
    if _is_comment(line) and line[:4].strip():
        return _after(lines, start, re.compile(r".*-->.*"))
    if _QUOTE.match(line):
        return _quote_end(lines, start)
    return start + 1 if _CODE_BLOCK.match(line) and not within else None


def _after(lines: Sequence[str], start: int, closing: re.Pattern[str]) -> int:
    """The line after the first one that closes the block; the end of the text where none does."""
    return next((number + 1 for number in range(start, len(lines)) if closing.fullmatch(lines[number])), len(lines))


def _quote_end(lines: Sequence[str], start: int) -> int:
    """A quote also takes in the lines of text right below it: https://github.github.com/gfm/#block-quotes."""
    number, lazy = start, True
    while number < len(lines) and (line := lines[number]).strip():
        inner = _QUOTE.sub("", line, count=1).strip() if _QUOTE.match(line) else None
        if inner is None and (not lazy or _FENCE.match(line) or _INTERRUPTING.match(line)):
            break
        if inner is not None:
            lazy = bool(inner) and not _FENCE.match(inner) and not re.match(r"#{1,6}(?:\s|$)", inner)
        number += 1
    return number

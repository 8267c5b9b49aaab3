"""A review as GitHub would show it, in a terminal: each comment beneath the lines of the diff on which it hangs."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import click
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from bot.models import ChangedFile, CheckRun, PostedComment, Review
from bot.terminal import DIFF_COLOURS, open_console, printable

CONTEXT = 3  # lines of the diff above the ones commented on, as GitHub shows them
WIDTH = 100

HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*(\w*)")
HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
TAG = re.compile(r"</?\w[^>]*>")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a body: Markdown, the text of a suggestion, or the summary line of folded details."""

    kind: Literal["markdown", "suggestion", "details"]
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a diff; `line` counts in the new file and is that of the next line where this one was removed."""

    line: int
    sign: str
    text: str


# --- in Markdown


def print_markdown(review: Review | None, check_run: CheckRun) -> None:
    """Print the bodies as they would be sent."""
    for title, body in _bodies(review, check_run):
        click.echo(f"# {title}\n\n{body}\n")


def _bodies(review: Review | None, check_run: CheckRun) -> Iterator[tuple[str, str]]:
    if review:
        yield "Review", review.body
        for comment in review.comments:
            yield _place(comment), comment.body
        for on_file in review.file_comments:
            yield on_file.path, on_file.body
    text = "\n\n".join(part for part in (check_run.summary, check_run.text) if part)
    yield f"Check run ({check_run.conclusion}): {check_run.title}", text


# --- in a terminal


def print_preview(
    review: Review | None, check_run: CheckRun, files: Iterable[ChangedFile], console: Console | None = None
) -> None:
    """Print the review, comment by comment, then the check run."""
    console = console or open_console()
    patches = {file.path: file.patch or "" for file in files}
    if review is None:
        console.print(Text("No review: there is nothing to say inline.", "dim"))
        console.print()
    else:
        _print_review(console, review, patches)
    _print_check_run(console, check_run)


def _print_review(console: Console, review: Review, patches: Mapping[str, str]) -> None:
    if review.comments:  # else GitHub is sent the comments on files only
        _print_panel(console, "review", render_body(review.body))
    for comment in review.comments:
        _print_comment(console, comment, read_rows(patches.get(comment.path, "")))
    for on_file in review.file_comments:
        console.print(Text(printable(f"{on_file.path}, the whole file"), "bold"))
        _print_panel(console, "comment", render_body(on_file.body))


def _print_comment(console: Console, comment: PostedComment, rows: Sequence[Row]) -> None:
    lines = range(comment.start or comment.line, comment.line + 1)
    console.print(Text(printable(_place(comment)), "bold"))
    for line in _excerpt(rows, lines):
        console.print(line)
    commented = [row.text for row in rows if row.sign != "-" and row.line in lines]
    _print_panel(console, "comment", render_body(comment.body, commented))


def _print_panel(console: Console, title: str, parts: Iterable[RenderableType]) -> None:
    panel = Panel(Group(*parts), title=f"asyncify: {title}", title_align="left")
    console.print(panel, soft_wrap=False, width=min(console.width, WIDTH))
    console.print()


def _place(comment: PostedComment) -> str:
    if comment.start is None:
        return f"{comment.path}, line {comment.line}"
    return f"{comment.path}, lines {comment.start} to {comment.line}"


def _excerpt(rows: Sequence[Row], lines: range) -> Iterator[Text]:
    for row in rows:
        if lines.start - CONTEXT <= row.line < lines.stop:
            mark = "> " if row.line in lines and row.sign != "-" else "  "
            number = "" if row.sign == "-" else str(row.line)
            yield Text.assemble(
                (f"{number:>5} {mark}", "dim"), (f"{row.sign}{printable(row.text)}", DIFF_COLOURS.get(row.sign, ""))
            )


def _print_check_run(console: Console, check_run: CheckRun) -> None:
    title = Text(f"{check_run.conclusion}: {printable(check_run.title)}", "bold")
    annotations = [Text(_annotation(one)) for one in check_run.annotations]
    bodies = (*render_body(check_run.summary), *render_body(check_run.text))
    _print_panel(console, "check run", (title, *bodies, *annotations))


def _annotation(annotation: object) -> str:
    given = annotation if isinstance(annotation, dict) else {}
    return printable(f"{given.get('path')}:{given.get('start_line')}  {given.get('message')}")


def render_body(body: str, commented: Sequence[str] = ()) -> Iterator[RenderableType]:
    """A body of Markdown as it looks on GitHub; `commented` are the lines that a suggestion in it would replace."""
    for block in read_body(body):
        match block.kind:
            case "suggestion":
                yield Text("Suggested change", "bold")
                yield from _changes(commented, block.text.split("\n")[:-1])
            case "details":
                yield Text(f"\N{BLACK RIGHT-POINTING SMALL TRIANGLE} {block.text}", "dim")
            case "markdown":
                yield Markdown(block.text)


def _changes(before: Sequence[str], after: Sequence[str]) -> Iterator[Text]:
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            yield from (Text(f"    {printable(line)}") for line in before[start:end])
        else:
            yield from (Text(f"  - {printable(line)}", "red") for line in before[start:end])
            yield from (Text(f"  + {printable(line)}", "green") for line in after[new_start:new_end])


def read_body(body: str) -> Iterator[Block]:
    """The parts of a body, in order. Hidden comments are left out."""
    gathered: list[str] = []
    lines = iter(printable(HIDDEN.sub("", body)).split("\n"))
    for line in lines:
        fence = FENCE.match(line)
        if fence and fence[2] == "suggestion":
            yield from _markdown(gathered)
            yield Block("suggestion", "".join(f"{kept}\n" for kept in _fenced(lines, fence[1])))
        elif fence:
            gathered += [line, *_fenced(lines, fence[1]), fence[1]]
        elif line.lstrip().startswith("<details"):
            yield from _markdown(gathered)
            yield Block("details", _folded(line, lines))
        else:
            gathered.append(line)
    yield from _markdown(gathered)


def _markdown(gathered: list[str]) -> Iterator[Block]:
    text = "\n".join(gathered).strip("\n")
    gathered.clear()
    if text.strip():
        yield Block("markdown", text)


def _fenced(lines: Iterator[str], fence: str) -> Iterator[str]:
    """The lines up to the end of the fence: https://spec.github.com/gfm/#fenced-code-blocks."""
    end = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}\s*")
    for line in lines:
        if end.fullmatch(line):
            return
        yield line


def _folded(first: str, lines: Iterator[str]) -> str:
    """The summary of the details that `first` opens; what they hold is passed over."""
    depth, text, line = 0, "", first
    while True:
        depth += line.count("<details") - line.count("</details>")
        text += line + "\n"
        if depth <= 0:
            break
        fence = FENCE.match(line)
        if fence and line is not first:
            for _ in _fenced(lines, fence[1]):
                pass
        following = next(lines, None)
        if following is None:
            break
        line = following
    summary = re.search(r"<summary>(.*?)</summary>", text, re.DOTALL)
    return TAG.sub("", summary[1]).strip() if summary else "Details"


def read_rows(patch: str) -> list[Row]:
    """The lines that a patch shows."""
    rows: list[Row] = []
    line = 0
    for text in patch.split("\n"):
        header = HEADER.match(text)
        if header:
            line = int(header[1])
        elif text[:1] in {" ", "+", "-"}:
            rows.append(Row(line, text[0], text[1:].removesuffix("\r")))
            line += text[0] != "-"
    return rows

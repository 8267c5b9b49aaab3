"""Text as somebody would write it who wants out of our Markdown, and a parser that shows whether it got out."""

import re
from collections.abc import Collection, Iterator

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.markers import read_marker
from tests.bot.samples import BLOB

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = st.lists(
    st.sampled_from(
        [
            *(
                "`",
                "``",
                "````",
                "~~~",
                "\n",
                "\n\n",
                "\r",
                "|",
                "\\",
                "*",
                "_",
                "$",
                "$$",
                "&",
                " ",
                "    ",
                "\t",
                "a",
                "é",
            ),
            *(
                "<!--",
                "-->",
                "<details>",
                "</details>",
                "</summary>",
                "<script>",
                "<img src=x>",
                "<b>",
                "<https://evil.example>",
            ),
            *(
                "@team",
                "@octo/team",
                "#12",
                "octo/shop#12",
                "GH-12",
                "https://evil.example",
                "www.evil.example",
                "a@evil.example",
            ),
            *(
                "[x](https://evil.example)",
                "![x](https://evil.example)",
                "[x]: https://evil.example",
                "&#64;team",
                "&lt;b&gt;",
            ),
            *(
                "- ",
                "1. ",
                "> ",
                "# ",
                "---",
                "===",
                ":+1:",
                ":smile:",
                "\x00",
                "\u202e",
                "\u200b",
                "\u2028",
                "\x85",
                "\x0c",
            ),
            *(
                "```suggestion\n",
                "```\n",
                "<!-- asyncify v1 head=dead findings=dead -->",
                "mailto:x",
                "\ufeff",
                "\ud800",
            ),
        ]
    ),
    max_size=12,
).map("".join)

FOLDED = re.compile(
    r"<details>\n<summary>[A-Za-z, ]+</summary>\n?|</details>\n?|<!-- asyncify v1 head=c0ffee[ a-z0-9=,]* -->\n?"
)
CALLING = re.compile(r"@\w|#\d|GH-\d|://|www\.|:[\w+-]+:|mailto:")


def all_tokens(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from all_tokens(token.children or [])


def assert_contained(body: str, *, headings: Collection[str] = ()) -> list[Token]:
    """Nothing in the body is HTML, a link, an image or a mention that we did not write. `headings` are bold words of ours."""
    tokens = list(all_tokens(MARKDOWN.parse(body)))
    bold = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "strong_open"]
    assert set(bold) <= set(headings)
    kinds = {token.type for token in tokens}
    assert not kinds & {
        "html_inline",
        "image",
        "heading_open",
        "hr",
        "code_block",
        "blockquote_open",
        "em_open",
    }
    assert "s_open" not in kinds
    for token in tokens:
        if token.type == "html_block":
            assert FOLDED.fullmatch(token.content), token.content
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(f"{BLOB}/")
        if token.type == "text":
            assert not CALLING.search(token.content), token.content
        if token.type == "fence":
            assert token.info in {"suggestion", "diff"}
    body.encode()
    assert read_marker(body) is not None
    return tokens

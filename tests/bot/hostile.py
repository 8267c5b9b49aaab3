"""Text as somebody would write it who wants out of our Markdown, and a parser that shows whether it got out."""

from hypothesis import strategies as st
from markdown_it import MarkdownIt

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

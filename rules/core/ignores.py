"""The comments that silence rules: `# asyncify: ignore[...]`, and the `# noqa` of other linters."""

import io
import re
import tokenize

_COMMENT = re.compile(r"#\s*asyncify:\s*ignore(?P<file>-file)?(?:\[(?P<names>[^\]]*)\])?", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa:(?P<codes>\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)", re.IGNORECASE)


def read_ignores(text: str) -> dict[int, tuple[str, ...]]:
    """Which names the comments of a file silence, by line."""
    found: dict[int, tuple[str, ...]] = {}
    lowered = text.lower()  # few files name any, and to search for the patterns takes far longer
    if not ("asyncify" in lowered or "noqa" in lowered) or not (_COMMENT.search(text) or _NOQA.search(text)):
        return found
    for number, text_ in _comments(text):
        if comment := _COMMENT.search(text_):
            names = tuple(name.strip() for name in (comment["names"] or "*").split(",") if name.strip())
            place = 0 if comment["file"] else number
            found[place] = found.get(place, ()) + names
        if comment := _NOQA.search(text_):
            found[number] = found.get(number, ()) + tuple(re.findall(r"[A-Z]+[0-9]+", comment["codes"].upper()))
    return found


def _comments(text: str) -> list[tuple[int, str]]:
    """The comments of a file, each with its line; those in texts are none."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
    except (tokenize.TokenError, SyntaxError):  # newer than this interpreter
        return list(enumerate(text.split("\n"), start=1))
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]

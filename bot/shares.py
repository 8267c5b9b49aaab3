"""Files shared out to processes that read them."""

from collections.abc import Iterator, Mapping

from rules import encode_facts, read_facts

SHARE = 256 * 1024
"""Bytes of source that a process is handed at once."""


def shares(files: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """The same files, some at a time."""
    share: dict[str, bytes] = {}
    size = 0
    for name, source in files.items():
        share[name] = source
        size += len(source)
        if size >= SHARE:
            yield share
            share, size = {}, 0
    if share:
        yield share


def read_share(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The encoded facts of each file."""
    return {name: encode_facts(read_facts(source)) for name, source in files.items()}

"""The repository before a change as bytes for a store, so that a process which never saw it recalls what was worked out of it."""

from __future__ import annotations

import pickle
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from io import BytesIO
from typing import Any

import msgspec

from rules.core.base import Base
from rules.core.facts import Facts
from rules.core.knowledge import Knowledge
from rules.core.memory import Dependents, Kept
from rules.core.options import Options
from rules.core.project import Project
from rules.core.repository import USES

SEAL = 16
"""Bytes of the digest at the start: what lies behind it is unpacked so late that a damage would do harm."""
BUILTINS = frozenset({"frozenset", "set"})
"""What answers are made of, beside our own classes and what is packed without a name."""


class _Stored(msgspec.Struct, array_like=True):
    """What is stored of a base: each part of `Kept` packed for itself, and for each use of names the files by name."""

    options: Options
    found: bytes
    answers: dict[str, bytes]
    in_dicts: dict[str, bytes]
    tables: dict[str, bytes]
    places: dict[str, bytes]
    dependents: tuple[bytes, bytes]
    kinds: dict[str, int]
    files: dict[str, bytes]


class Unpacking(Mapping[str, Any]):
    """Values by their names, each of which is unpacked when it is first asked for: a review asks for few."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        self._packed = packed
        self._unpacked: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._unpacked:
            self._unpacked[name] = _unpacked(self._packed[name])
        return self._unpacked[name]

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def encode_base(base: Base) -> bytes:
    """What was worked out of a repository: all but the facts of its files."""
    kept, repository = base.kept, base.repository
    stored = _Stored(
        options=base.options,
        found=_packed(base.found),
        answers=_packed_each(kept.answers),
        in_dicts=_packed_each(kept.in_dicts),
        tables=_packed_each(kept.tables),
        places=_packed_each(kept.places),
        dependents=(_packed_numbers(kept.dependents.first), _packed_numbers(kept.dependents.all)),
        kinds={**kept.kinds},
        files=_packed_each({use: repository.by_name(use) for use in USES}) if repository is not None else {},
    )
    encoded = msgspec.msgpack.encode(stored)
    return blake2b(encoded, digest_size=SEAL).digest() + encoded


def decode_base(data: bytes, facts: Mapping[str, Facts], knowledge: Callable[[Options], Knowledge]) -> Base:
    """The base that `encode_base` made bytes of; its files say these facts. Raises `ValueError` where they are something else."""
    encoded = data[SEAL:]
    if blake2b(encoded, digest_size=SEAL).digest() != data[:SEAL]:
        raise ValueError("no base")
    stored = msgspec.msgpack.decode(encoded, type=_Stored)
    repository = Project(facts, knowledge(stored.options))
    repository.gathered = Unpacking(stored.files)
    kept = Kept(
        answers=Unpacking(stored.answers),
        in_dicts=Unpacking(stored.in_dicts),
        tables=Unpacking(stored.tables),
        places=Unpacking(stored.places),
        dependents=Dependents(*map(_unpacked_numbers, stored.dependents)),
        kinds=stored.kinds,
    )
    return Base(facts, _unpacked(stored.found), stored.options, repository, kept)


def _packed_each(values: Mapping[str, object]) -> dict[str, bytes]:
    return {name: _packed(value) for name, value in values.items()}


def _packed(value: object) -> bytes:
    return zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), 1)


def _unpacked(packed: bytes) -> Any:
    return _Unpickler(BytesIO(zlib.decompress(packed))).load()


def _packed_numbers(numbers: array[int]) -> bytes:
    return zlib.compress(numbers.tobytes(), 1)


def _unpacked_numbers(packed: bytes) -> array[int]:
    return array("I", zlib.decompress(packed))


class _Unpickler(pickle.Unpickler):
    """Knows only what our own modules define: https://docs.python.org/3/library/pickle.html#restricting-globals."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        is_ours = module.startswith("rules.") and getattr(found, "__module__", "") == module
        if not is_ours and (module, name) not in {("builtins", one) for one in BUILTINS}:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return found

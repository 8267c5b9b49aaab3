"""Facts are small, portable, and the same after the store."""

import pickle

import pytest

from rules import Facts, decode_facts, encode_facts, read_facts
from rules.core.facts import Attribute, Call, Choice, Constant, Name, Subscript, names_in, show

SOURCE = b"""
import a.b as c, d
from .e import f as g, h
from i import *

X: int = 1


@c.decorated(1, x=d)
class A(c.B, metaclass=C):
    x: "A | None" = None

    def __init__(self, y=1, *z, k: int = 2, **w) -> None:
        self.y = y
        self.z, (self.q, *r) = f(y)

    async def m(self):
        async with self.y as z, open("x"):
            return [await n for n in z if n]


def gen():
    yield from (x for x in range(3))
    try:
        with a() as b:  # asyncify: ignore[blocking/sleep]
            b.c.d["e"] += 1
    except (E, F) as e:
        global X
        X = lambda q: q  # noqa: ASYNC251
    match x:
        case {"a": [B(c=d), *e]} if d: ...
    del x


if __name__ == "__main__":
    gen()
"""


def test_a_round_trip_changes_nothing() -> None:
    facts = read_facts(SOURCE)
    assert not facts.problem
    again = decode_facts(encode_facts(facts))
    assert again == facts
    assert encode_facts(again) == encode_facts(facts)


def test_only_so_many_bodies_stay_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gave way is unpacked again when it is asked for, and is the same."""
    all_facts = [read_facts(SOURCE + b"number = %d\n" % n) for n in range(8)]
    unpacked = [facts.functions for facts in all_facts]
    assert all(facts.functions is one for facts, one in zip(all_facts, unpacked, strict=True))
    monkeypatch.setattr("rules.core.facts.MOST_UNPACKED", len(all_facts[-1].packed))
    last = read_facts(SOURCE)
    assert last.functions is last.functions
    assert all(facts.functions is not one for facts, one in zip(all_facts, unpacked, strict=True))
    assert [facts.functions for facts in all_facts] == unpacked


def test_facts_that_were_just_read_are_packed_when_they_give_way() -> None:
    read = read_facts(SOURCE)
    facts = Facts.passing(read.outline, read.body)  # one that nobody else will have give way
    functions, classes = facts.functions, facts.classes
    facts.forget()
    assert (facts.classes, facts.functions) == (classes, functions)
    assert facts.functions is not functions


def test_the_same_source_gives_the_same_bytes() -> None:
    """Facts are kept by the blob's digest, so they may hold nothing of their path, the time or the process."""
    assert encode_facts(read_facts(SOURCE)) == encode_facts(read_facts(bytes(bytearray(SOURCE))))


def test_facts_of_an_unreadable_file_survive_the_store() -> None:
    facts = read_facts(b"def (:\n")
    assert facts.problem
    assert decode_facts(encode_facts(facts)) == facts
    assert decode_facts(encode_facts(facts)).problem == facts.problem


def test_facts_can_go_to_another_process() -> None:
    facts = read_facts(SOURCE)
    assert pickle.loads(pickle.dumps(facts)) == facts


def test_facts_are_smaller_than_twice_their_source() -> None:
    source = SOURCE.replace(b"if __name__", b"def more():\n    call(1)\n\n\nif __name__")
    assert len(encode_facts(read_facts(source))) < 3 * len(source)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"garbage", b"\x90", b"\x93\x01\x02\x03"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_facts(data).functions  # noqa: B018 -- the body may be decoded late


def test_empty_facts() -> None:
    facts = read_facts(b"")
    assert isinstance(facts, Facts)
    assert len(facts.functions) == 1
    assert not facts.classes


def test_expressions_are_shown_as_written() -> None:
    call = Call(Attribute(Name("a"), "b"), (Constant("x", "str"), None), (("k", Constant(1, "int")), ("", Name("m"))))
    assert show(call) == "a.b('x', …, k=1, =m)"
    assert show(Subscript(Name("a"), (Constant(None, "NoneType"), None))) == "a[None, …]"
    assert show(None) == "…"


def test_names_in_an_expression() -> None:
    call = Call(Attribute(Name("a"), "b"), (Name("c"), None), (("k", Choice((Name("d"), Name("e")))),))
    assert names_in(call) == {"a", "c", "d", "e"}
    assert names_in(None) == set()


def test_names_stay_in_the_order_of_the_file_also_in_a_store() -> None:
    source = (
        b"class B:\n    z: int\n    a: str\n    def y(self): self.x = self.b = 1\n    def c(self): ...\nz = a = 1\n"
    )
    orders = [
        [
            [[*function.bindings] for function in facts.functions],
            [[[*of_it] for of_it in (one.bindings, one.methods, one.attributes)] for one in facts.classes],
        ]
        for facts in (read_facts(source), decode_facts(encode_facts(read_facts(source))))
    ]
    assert orders[0] == orders[1]
    assert orders[0][1] == [[["z", "a", "y", "c"], ["y", "c"], ["x", "b"]]]

"""Where the expressions of formatted texts stand, whichever Python reads them."""

import ast

import pytest

from rules.core.fixes.document import Document


@pytest.mark.parametrize(
    "line",
    [
        'x = f"{call(1)}"',
        'x = f"{ call(1) }"',
        'x = "größe" f"größe {call(1)}"',
        'x = rf"\\d{call(1)}\\\\"',
        'x = f"\\n\\{call(1)}\\N{BULLET}{call(2)}"',
        'x = f\'{call("a}b")}:{call("c")}\'',
        'x = f"{{call(0)}}{call(1)}"',
        'x = f"{a != call(1)}{a == call(2)}{a <= call(3)!r}{call(4) = :>3}"',
        'x = f"{a:{call(1)}.{call(2)}}{call(3)}"',
        'x = f"{d[call(1)][1:call(2)]}{(lambda: call(3))()}"',
        "x = f\"{f'{call(1)}{call(2)}'}{call(1)}\"",
        'x = f"""{call(1)}\n  {call(\n  2)}\n{call(3)} {f\'{call(4)}\'}"""',
        'x = (f"{call(1)}"  # why\n     "{call(0)}"\n     f"{call(2)}"), f"{call(3)}"',
        'x = f"a \\\n{call(1)} b"',
        'x = f"{call(1):{call(1)}}"',
        'x = F"{call(1):%H:%M}{call(2)}"',
    ],
)
def test_every_call_is_where_the_text_says(line: str) -> None:
    document = Document("main.py", f"{line}\n".encode())
    calls = [node for node in ast.walk(document.tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name)]
    assert named
    assert all(document.call_at(document.span(call)) is call for call in calls)
    places = [document.span(call).start for call in named]
    assert len(set(places)) == len(places)
    assert all(document.text_of(call).startswith("call(") for call in named)


def test_what_is_no_expression_stays() -> None:
    """A text without a field, and one with nothing that is called."""
    document = Document("main.py", b'x = f"{{}}" f"" "{call(1)}" f"{a}"\n')
    assert not [node for node in ast.walk(document.tree) if isinstance(node, ast.Call)]

"""Annotations without the quotes around them."""

import ast

import pytest

from rules.core.annotations import unquoted


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("quoted", "bare"),
    [
        ('"User"', "User"),
        ('list["User"]', "list[User]"),
        ('dict[str, "User"]', "dict[str, User]"),
        ('"User" | None', "User | None"),
        ('list["User | None"]', "list[User | None]"),
        ('Annotated["User", "of the house"]', "Annotated[User, 'of the house']"),
        ('Literal["User"]', "Literal['User']"),
        ("dict[str, int]", "dict[str, int]"),
        ('Annotated[list["User"], Depends(current)]', "Annotated[list[User], Depends(current)]"),
    ],
)
def test_quotes_around_types_are_dropped(quoted: str, bare: str) -> None:
    tree = expression(quoted)
    before = ast.dump(tree, include_attributes=True)
    given = unquoted(tree)
    assert given is not None
    assert ast.unparse(given) == bare
    assert ast.dump(tree, include_attributes=True) == before, "for others look at the tree, too"


def test_what_is_no_type_in_quotes_tells_nothing() -> None:
    assert unquoted(expression('"a user"')) is None

"""Generators that are asynchronous now, written as such: `@contextmanager`, and what they are said to give."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.findings import Span
from rules.core.fixes.awaits import Awaits, as_expression
from rules.core.fixes.turning import MANAGER, Refused, is_manager
from rules.core.library import Role
from rules.core.values import Outside, ProjectFunction, Where

ASYNCHRONOUS = {
    MANAGER: "contextlib.asynccontextmanager",
    **{
        f"{module}.{name}": f"{module}.Async{name}"
        for module in ("typing", "collections.abc")
        for name in ("Iterator", "Iterable", "Generator")
    },
}
"""Names for what `with` enters and `for` runs through, and those for `async with` and `async for`."""


class Yielding(msgspec.Struct, frozen=True):
    """A generator in a file that is to be asynchronous."""

    function: ProjectFunction
    definition: ast.FunctionDef
    contexts: Contexts

    def names(self, file: Awaits) -> Iterator[tuple[ast.expr, str]]:
        """The names around it that have to be others, each with the other one. Raises Refused."""
        if is_manager(self.function, self.contexts):
            yield self.definition.decorator_list[0], ASYNCHRONOUS[MANAGER]
        returns = self.definition.returns
        if returns is None or self._is_endpoint():
            return
        iterated = returns.value if isinstance(returns, ast.Subscript) else returns
        value = self.contexts.project.value(as_expression(iterated), Where(self.function.path))
        if isinstance(value, Outside) and value.name in ASYNCHRONOUS:
            self._shorten(returns, file)
            yield iterated, ASYNCHRONOUS[value.name]
        elif is_manager(self.function, self.contexts):
            raise Refused("what the context manager is said to give is unknown")

    def _is_endpoint(self) -> bool:
        roots = (root for root in self.contexts.roots if root.function == self.function)
        return any(root.role is Role.ENDPOINT for root in roots)

    @staticmethod
    def _shorten(returns: ast.expr, file: Awaits) -> None:
        """`[X, None]` for the `[X, None, None]` of a `Generator`: an asynchronous one returns nothing."""
        match returns:
            case ast.Subscript(slice=ast.Tuple(elts=[_, sent, ast.Constant(value=None) as last])):
                start, end = file.document.span(sent).end, file.document.span(last).end
                file.edit(file.document.replace(Span(*start, *end), ""))
            case ast.Subscript(slice=ast.Tuple(elts=[_, _, _])):
                raise Refused("the generator is said to return a value")

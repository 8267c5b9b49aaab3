"""GitHub's published schemas, by which every body that comes in and every answer that goes out is checked.

They come from `githubkit`, which is generated from https://github.com/github/rest-api-description (API version 2022-11-28).
"""

import ast
import importlib
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Union

import githubkit_schemas.v2022_11_28.rest as published
from githubkit_schemas.v2022_11_28 import models
from pydantic import BaseModel, TypeAdapter, ValidationError

AREAS = ("apps", "checks", "git", "issues", "pulls", "rate_limit", "reactions", "repos")
_ROUTE = re.compile(r"^\s+(GET|POST|PUT|PATCH|DELETE) (/\S*)$", re.MULTILINE)


class SchemaError(Exception):
    """A body that GitHub's schema does not allow; the text names each place."""


class _Models(dict[str, Any]):
    """The names of githubkit's models, which load when they are first asked for."""

    def __missing__(self, name: str) -> Any:
        if name == "Union":
            return Union
        if not hasattr(models, name):
            raise KeyError(name)
        return getattr(models, name)


@dataclass(frozen=True)
class Contract:
    """What GitHub publishes about one route: the types of its request body and of its answer, as expressions."""

    request: str | None
    response: str | None

    @cached_property
    def _request_type(self) -> TypeAdapter[Any]:
        return _adapter(self.request or "Any")

    @cached_property
    def _response_type(self) -> TypeAdapter[Any]:
        return _adapter(self.response or "Any")

    def check_request(self, body: bytes) -> None:
        """Raises `SchemaError` where the body has an unknown key, a wrong type, or lacks something."""
        if self.request is None or not body:
            return
        try:
            self._request_type.validate_json(body, strict=True, extra="forbid")
        except ValidationError as error:
            raise SchemaError(_problems(error)) from None

    def check_response(self, body: Any) -> None:
        """Raises `SchemaError` where the fake itself answers what GitHub never would."""
        if self.response is None:
            return
        try:
            read = self._response_type.validate_json(json.dumps(body))
        except ValidationError as error:
            raise SchemaError(_problems(error)) from None
        if unknown := list(_unknown(read, body, "")):
            raise SchemaError(f"{', '.join(unknown)}: not published")


def _unknown(read: Any, body: Any, place: str) -> Iterator[str]:
    """The keys of an answer that the schema does not name, where it does not leave the names open."""
    if isinstance(read, list):
        for model, item in zip(read, body, strict=True):
            yield from _unknown(model, item, place)
    if not isinstance(read, BaseModel) or read.model_config.get("extra") == "allow":
        return
    names = {field.alias or name: name for name, field in type(read).model_fields.items()}
    for key, value in body.items():
        if key in names:
            yield from _unknown(getattr(read, names[key]), value, f"{place}{key}.")
        else:
            yield f"{place}{key}"


@cache
def _adapter(expression: str) -> TypeAdapter[Any]:
    return TypeAdapter(eval(expression, {"list": list, "Any": Any}, _Models()))


def _problems(error: ValidationError) -> str:
    found = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
    return "; ".join(dict.fromkeys(found[:10]))


@cache
def contract(method: str, template: str) -> Contract | None:
    """What GitHub publishes about a route; None where it publishes no such route."""
    source = _sources().get((method, template))
    if source is None:
        return None
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    requests = [
        call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "type_validate_python"
    ]
    responses = [each.value for call in calls for each in call.keywords if each.arg == "response_model"]
    return Contract(_expression(requests), _expression(responses))


def _expression(found: Sequence[ast.expr]) -> str | None:
    return ast.unparse(found[0]) if found else None


@cache
def _sources() -> dict[tuple[str, str], str]:
    """The text of githubkit's function for every published route of the areas that the fake serves."""
    return dict(
        found for area in AREAS for found in _functions(importlib.import_module(f"{published.__name__}.{area}"))
    )


def _functions(module: ModuleType) -> Iterator[tuple[tuple[str, str], str]]:
    source = Path(module.__file__ or "").read_text(encoding="utf-8")
    for function in re.split(r"\n    def ", source)[1:]:
        route = _ROUTE.search(function)
        if route:
            text = re.split(r"\n    (?:async def|@)", function)[0]
            yield (route[1], route[2]), textwrap.dedent(f"    def {text}")

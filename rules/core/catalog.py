"""Every rule and every library, found by being in its folder."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType, ModuleType

from rules.core.engine import Engine
from rules.core.knowledge import Knowledge
from rules.core.library import Library
from rules.core.rule import Rule

_NO_PACKS = frozenset({"core", "libraries"})


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule by its name, in the order of the names."""
    rules = [module.rule for pack in _packs() for module in _modules(pack)]
    return MappingProxyType({rule.name: rule for rule in sorted(rules, key=lambda rule: rule.name)})


@cache
def all_libraries() -> Knowledge:
    """What is known of every library."""
    return Knowledge(libraries())


def libraries() -> tuple[Library, ...]:
    """The rows of every library, by file."""
    return tuple(module.library for module in _modules("rules.libraries"))


@cache
def engine() -> Engine:
    """The engine with all rules and all libraries."""
    return Engine(all_rules(), all_libraries())


def _packs() -> Iterator[str]:
    package = importlib.import_module("rules")
    for found in pkgutil.iter_modules(package.__path__):
        if found.ispkg and found.name not in _NO_PACKS:
            yield f"rules.{found.name}"


def _modules(package: str) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
        yield importlib.import_module(f"{package}.{found.name}")

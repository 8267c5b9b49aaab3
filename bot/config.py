"""How a repository wants to be reviewed: `.github/asyncify.toml`, or `[tool.asyncify]` in `pyproject.toml`.

Pure: the texts are brought by others. What is wrong in them is told to the people who wrote it, by file, line and key, and
never stops a review: a key that cannot be used counts as not given.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec.structs import replace

from bot.globs import Globs
from rules import Options, Severity, all_rules

CONFIG_PATH = ".github/asyncify.toml"
OPERATOR_NAME = "the operator's asyncify.toml"
NEVER_LOCKED = "enabled"
"""A repository can always send its guest away."""
PYPROJECT_PATH = "pyproject.toml"

# Whoever writes a file may want it to be slow to read.
LONGEST_FILE = 100_000  # characters
MOST_DOTS = 500  # in a line: a dotted key takes as long as its parts are many, squared
MOST_PROBLEMS = 20  # of a file, or of one key
MOST_GLOBS = 200

Scope = Literal["introduced", "changed-lines", "changed-files"]
HttpClient = Literal["auto", "httpx2", "httpx", "aiohttp"]


class Limits(msgspec.Struct, frozen=True):
    """How many comments may be posted."""

    review: int = 10
    pull_request: int = 25


class RepositoryConfig(msgspec.Struct, frozen=True):
    """The settings in force for one repository; the names are those of the file with `_` for `-`.

    `select` and `ignore` hold rules ("blocking/sleep") and packs ("blocking"); an empty `select` means all of them.
    `exclude` holds globs as in `.gitignore`. `fail_on` is None where the check run never fails. `blocking` maps the
    repository's own blocking functions to their awaitable twins (None: there is none), `offloads` its functions that hand
    a callable to a thread to that argument's position, from 0.

    `origins` tells for each key of a file where its value comes from, `locked` holds the keys that the operator of the App
    keeps to themselves; `problems` are sentences about what could not be used.
    """

    enabled: bool = True
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    scope: Scope = "introduced"
    severity: Severity = Severity.INFO
    unsafe_suggestions: bool = True
    http_client: HttpClient = "auto"
    fail_on: Severity | None = None
    review_drafts: bool = False
    review_bots: bool = False
    max_comments: Limits = Limits()
    blocking: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    offloads: Mapping[str, int] = msgspec.field(default_factory=dict)
    origins: Mapping[str, str] = msgspec.field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


MEANINGS: Mapping[str, str] = {
    "enabled": "false silences the bot in this repository: nothing is posted, not even a check run.",
    "select": "Rules or packs to go by, by name; all of them where none is given.",
    "ignore": "Rules or packs to leave out, by name; stronger than select.",
    "exclude": "Globs, as in .gitignore, of files not to speak of.",
    "scope": "What automatic reviews speak of.",
    "severity": "The lowest severity that is commented inline; the rest stands in the check run.",
    "unsafe-suggestions": "Whether to offer fixes whose behaviour differs in ways that the comment names.",
    "http-client": "The client that conversions of HTTP calls go to; auto: the one that the project has. The fix says what to install.",
    "fail-on": "The lowest severity at which the check run fails; otherwise findings leave it neutral.",
    "review-drafts": "Whether drafts get comments; otherwise a check run only.",
    "review-bots": "Whether pull requests of bots get comments; otherwise a check run only.",
    "max-comments": "How many comments a review may hold; a table limits the whole pull request as well.",
    "blocking": "Blocking functions of this repository by dotted name, each with its awaitable twin, or an empty text.",
    "offloads": "Functions of this repository that hand a callable to a thread, with its position, from 0.",
}


class Layer(msgspec.Struct, frozen=True):
    """One configuration file: its text, and the name by which people know it ("octo/.github: .github/asyncify.toml").

    A name that ends in `pyproject.toml` means that only its table `[tool.asyncify]` is ours. The operator's file may hold
    one key more: `locked`, the keys that no other file may set.
    """

    name: str
    text: str

    @property
    def table(self) -> tuple[str, ...]:
        return ("tool", "asyncify") if self.name.endswith(PYPROJECT_PATH) else ()


class ConfigError(ValueError):
    """A whole file cannot be used; the message is one sentence that names it, and the line where it is known."""


def load_config(layers: Iterable[Layer] = ()) -> RepositoryConfig:
    """The settings that the layers, from the weakest to the strongest, leave in force.

    Tables are merged, all else is replaced. What cannot be used is left out and named in `problems`.
    """
    config = RepositoryConfig()
    for layer in layers:
        config = _with_layer(config, layer)
    return config


def to_options(config: RepositoryConfig) -> Options:
    """What of the settings concerns the analysis."""
    return Options(
        select=config.select,
        ignore=config.ignore,
        client="" if config.http_client == "auto" else config.http_client,
        blocking=config.blocking,
        offloads=config.offloads,
    )


def applies(rule: str, config: RepositoryConfig) -> bool:
    """Whether findings of this rule are wanted."""
    names = {rule, rule.partition("/")[0]}
    return (not config.select or not names.isdisjoint(config.select)) and names.isdisjoint(config.ignore)


def excluded(path: str, config: RepositoryConfig) -> bool:
    """Whether nothing is to be said of this file."""
    return bool(config.exclude) and _globs(config.exclude).match(path)


@cache
def keys() -> tuple[str, ...]:
    """The keys of a configuration file, in the order of the documentation."""
    return tuple(
        name.replace("_", "-")
        for name in RepositoryConfig.__struct_fields__
        if name not in {"origins", "locked", "problems"}
    )


@lru_cache(maxsize=64)
def _globs(patterns: tuple[str, ...]) -> Globs:
    return Globs(patterns)


def _with_layer(config: RepositoryConfig, layer: Layer) -> RepositoryConfig:
    try:
        given = _read(layer)
    except ConfigError as error:
        return _with_problem(config, str(error))
    locked = given.pop("locked", ()) if layer.name == OPERATOR_NAME else ()
    unknown = [key for key in given if key not in keys()][MOST_PROBLEMS:]
    for key in unknown:
        del given[key]
    for key, value in given.items():
        config = _with_value(config, layer, key, value)
    if unknown:
        config = _with_problem(config, f"{layer.name}: and {len(unknown)} more unknown keys.")
    return _with_locks(config, layer, locked)


def _with_locks(config: RepositoryConfig, layer: Layer, locked: Any) -> RepositoryConfig:
    known = [key for key in keys() if key != NEVER_LOCKED]
    if not isinstance(locked, list | tuple) or not all(key in known for key in locked):
        return _with_problem(config, f"{_where(layer, 'locked')}: `locked` may hold {_listed(known)}.")
    return replace(config, locked=config.locked.union(locked))


def _with_problem(config: RepositoryConfig, problem: str) -> RepositoryConfig:
    return replace(config, problems=(*config.problems, problem))


def _read(layer: Layer) -> dict[str, Any]:
    """The keys of a layer, as TOML has them."""
    if not all(name in layer.text for name in layer.table):
        return {}
    if excess := _excess(layer.text):
        raise ConfigError(f"{layer.name} is not used: {excess}.")
    import tomllib  # noqa: PLC0415 -- few projects have settings of ours

    try:
        table: Any = tomllib.loads(layer.text)
    except (ValueError, RecursionError) as error:  # a number may have too many digits
        raise ConfigError(f"{layer.name} is not valid TOML and is not used: {error}.") from error
    for name in layer.table:
        table = table.get(name, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise ConfigError(f"{layer.name}: `tool.asyncify` must be a table; it is not used.")
    return table


def _excess(text: str) -> str:
    if len(text) > LONGEST_FILE:
        return f"it is longer than {LONGEST_FILE:,} characters"
    dotted = (number for number, line in enumerate(text.split("\n"), 1) if line.count(".") > MOST_DOTS)
    return f"line {number} holds more than {MOST_DOTS} dots" if (number := next(dotted, 0)) else ""


def _with_value(config: RepositoryConfig, layer: Layer, key: str, value: Any) -> RepositoryConfig:
    if key not in keys():
        return _with_problem(config, f"{_where(layer, key)}: unknown key `{key}`{_nearest(key, keys())}.")
    if key in config.locked:
        return _with_problem(config, f"{_where(layer, key)}: `{key}` is not used: {OPERATOR_NAME} locks it.")
    try:
        read = _READERS[key](value)
    except msgspec.ValidationError:
        return _with_problem(config, f"{_where(layer, key)}: `{key}` is not used: it must be {_SHAPES[key]}.")
    except ValueError as error:
        return _with_problem(config, f"{_where(layer, key)}: `{key}` is not used: {error}.")
    name, origin = key.replace("-", "_"), layer.name
    if isinstance(read, dict) and (there := getattr(config, name)):
        read, origin = {**there, **read}, f"{config.origins[key]}, {origin}"
    unknown = _unknown_rules(read) if key in {"select", "ignore"} else ()
    changed: dict[str, Any] = {
        name: read,
        "origins": {**config.origins, key: origin},
        "problems": (*config.problems, *(f"{_where(layer, key)}: `{key}` names {problem}." for problem in unknown)),
    }
    return replace(config, **changed)


def _unknown_rules(names: frozenset[str]) -> tuple[str, ...]:
    """A name that means nothing is told, and still counts: who selects one rule must not get them all for a typing error."""
    known = {*all_rules(), *(rule.partition("/")[0] for rule in all_rules())}
    return tuple(f"`{name}`, which is no rule{_nearest(name, known)}" for name in sorted(names - known)[:MOST_PROBLEMS])


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""


def _where(layer: Layer, key: str) -> str:
    line = _line_of(layer, key)
    return f"{layer.name}, line {line}" if line else layer.name


def _line_of(layer: Layer, key: str) -> int | None:
    """The line on which a key is written, None where it is written in an unusual way."""
    inside, quoted = layer.table == (), rf"[\"']?{re.escape(key)}[\"']?"
    header = re.compile(r"\s*\[+([^\[\]]+)\]")
    for number, line in enumerate(layer.text.split("\n"), 1):
        if found := header.match(line):
            path = tuple(part.strip(" \t\"'") for part in found[1].split("."))
            if path == (*layer.table, key):
                return number
            inside = path == layer.table
        elif inside and re.match(rf"\s*{quoted}\s*[.=]", line):
            return number
    return None


def _globs_read(value: Any) -> tuple[str, ...]:
    patterns = msgspec.convert(value, tuple[str, ...])
    if len(patterns) > MOST_GLOBS:
        raise ValueError(f"it may hold {MOST_GLOBS} globs at most")
    return patterns


def _severity(value: Any) -> Severity:
    return Severity[_one_of("info", "warning", "error")(value).upper()]


def _fail_on(value: Any) -> Severity | None:
    given = _one_of("never", "info", "warning", "error")(value)
    return None if given == "never" else _severity(given)


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"it must be one of {_listed(words)}")
        return str(value)

    return read


def _limits(value: Any) -> Limits:
    """A number is that of a review; a table may give both."""
    given = msgspec.convert(value, _Count | dict[Literal["review", "pull-request"], _Count])
    if isinstance(given, int):
        return Limits(given, max(given, Limits().pull_request))
    return Limits(given.get("review", Limits().review), given.get("pull-request", Limits().pull_request))


def _blocking(value: Any) -> dict[str, str | None]:
    return {name: twin or None for name, twin in msgspec.convert(_flat(value), dict[str, str]).items()}


def _offloads(value: Any) -> dict[str, int]:
    return msgspec.convert(_flat(value), dict[str, _Count])


def _flat(value: Any) -> Any:
    """Dotted names as TOML reads them without quotes: `app.crm.load = ""` is three tables deep."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        deeper = _flat(inner)
        flat |= (
            {f"{name}.{rest}": leaf for rest, leaf in deeper.items()} if isinstance(deeper, dict) else {name: deeper}
        )
    return flat


def _as(kind: Any) -> Callable[[Any], Any]:
    return lambda value: msgspec.convert(value, kind)


_Count = Annotated[int, msgspec.Meta(ge=0)]

_SHAPES: Mapping[str, str] = {
    **dict.fromkeys(("enabled", "unsafe-suggestions", "review-drafts", "review-bots"), "`true` or `false`"),
    **dict.fromkeys(("select", "ignore"), "a list of names of rules and packs"),
    "exclude": "a list of globs",
    "max-comments": "a number from 0, or a table with `review` and `pull-request`",
    "blocking": "a table that gives each function the name of its awaitable twin, or an empty text",
    "offloads": "a table that gives each function the position of the callable, from 0",
}
"""What a value must be, where that cannot be told by listing the choices."""

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "enabled": _as(bool),
    "select": _as(frozenset[str]),
    "ignore": _as(frozenset[str]),
    "exclude": _globs_read,
    "scope": _one_of(*get_args(Scope)),
    "severity": _severity,
    "unsafe-suggestions": _as(bool),
    "http-client": _one_of(*get_args(HttpClient)),
    "fail-on": _fail_on,
    "review-drafts": _as(bool),
    "review-bots": _as(bool),
    "max-comments": _limits,
    "blocking": _blocking,
    "offloads": _offloads,
}

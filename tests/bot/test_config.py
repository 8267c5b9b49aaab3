"""A repository's configuration: what is given counts, what is wrong is named."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from bot.config import (
    MEANINGS,
    OPERATOR_NAME,
    Layer,
    Limits,
    RepositoryConfig,
    applies,
    excluded,
    keys,
    load_config,
    to_options,
)
from rules import Options, Severity, all_rules

FILE = ".github/asyncify.toml"


def loaded(text: str, name: str = FILE) -> RepositoryConfig:
    return load_config([Layer(name, text)])


def test_nothing_given_means_the_defaults() -> None:
    """The table of the documentation, in its order."""
    config = load_config()

    assert config == RepositoryConfig()
    assert keys() == (
        "enabled",
        "select",
        "ignore",
        "exclude",
        "scope",
        "severity",
        "unsafe-suggestions",
        "http-client",
        "fail-on",
        "review-drafts",
        "review-bots",
        "max-comments",
        "blocking",
        "offloads",
    )


def test_all_keys_are_read() -> None:
    """Each key has its place, and no problem is seen."""
    rule = min(all_rules())
    config = loaded(f"""
        enabled = false
        select = ["{rule}"]
        ignore = ["{rule.partition("/")[0]}"]
        exclude = ["migrations/", "*_pb2.py"]
        scope = "changed-files"
        severity = "warning"
        unsafe-suggestions = false
        http-client = "httpx2"
        fail-on = "error"
        review-drafts = true
        review-bots = true
        max-comments = 4

        [blocking]
        "app.crm.load" = "app.crm.load_async"
        app.crm.save = ""

        [offloads]
        app.threads.run = 1
    """)

    assert config.problems == ()
    assert set(config.origins) == set(keys())
    assert (config.enabled, config.scope, config.severity) == (False, "changed-files", Severity.WARNING)
    assert (config.unsafe_suggestions, config.http_client, config.fail_on) == (False, "httpx2", Severity.ERROR)
    assert (config.review_drafts, config.review_bots, config.max_comments) == (True, True, Limits(4, 25))
    assert config.blocking == {"app.crm.load": "app.crm.load_async", "app.crm.save": None}
    assert config.offloads == {"app.threads.run": 1}
    assert not applies(rule, config)
    assert excluded("app/migrations/1.py", config)
    assert excluded("api_pb2.py", config)
    assert not excluded("app/main.py", config)


def test_a_stronger_layer_replaces_and_tables_merge() -> None:
    """The repository's file stands over the organisation's, and it is known where each value comes from."""
    config = load_config(
        [
            Layer(f"octo/.github: {FILE}", 'scope = "changed-lines"\nexclude = ["a"]\n[blocking]\nx = ""\ny = "z"'),
            Layer(FILE, 'exclude = ["b"]\n[blocking]\nx = "w"'),
        ]
    )

    assert (config.scope, config.exclude, config.blocking) == ("changed-lines", ("b",), {"x": "w", "y": "z"})
    shared = f"octo/.github: {FILE}"
    assert config.origins == {"scope": shared, "exclude": FILE, "blocking": f"{shared}, {FILE}"}


def test_only_our_table_of_a_pyproject_is_read() -> None:
    """Other tools have keys of the same name."""
    config = loaded('enabled = 1\n[tool.other]\nscope = 1\n[tool.asyncify]\nscope = "changed-files"', "pyproject.toml")

    assert (config.scope, config.problems) == ("changed-files", ())
    assert loaded("[project]\nname = 'x'", "pyproject.toml") == RepositoryConfig()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\nscop = 'x'", f"{FILE}, line 2: unknown key `scop` (did you mean `scope`?)."),
        ("\n\nzzz = 1", f"{FILE}, line 3: unknown key `zzz`."),
        ("enabled = 'yes'", f"{FILE}, line 1: `enabled` is not used: it must be `true` or `false`."),
        ("exclude = 'a'", f"{FILE}, line 1: `exclude` is not used: it must be a list of globs."),
        ("select = [1]", f"{FILE}, line 1: `select` is not used: it must be a list of names of rules and packs."),
        (
            "scope = 'all'",
            f"{FILE}, line 1: `scope` is not used: it must be one of `introduced`, `changed-lines`, `changed-files`.",
        ),
        ("severity = 'high'", f"{FILE}, line 1: `severity` is not used: it must be one of `info`, `warning`, `error`."),
        (
            "fail-on = true",
            f"{FILE}, line 1: `fail-on` is not used: it must be one of `never`, `info`, `warning`, `error`.",
        ),
        (
            "max-comments = -1",
            f"{FILE}, line 1: `max-comments` is not used: it must be a number from 0, or a table with `review` and `pull-request`.",
        ),
        (
            "[offloads]\nrun = 'x'",
            f"{FILE}, line 1: `offloads` is not used: it must be a table that gives each function the position of the callable, from 0.",
        ),
        ("select = ['zzz/qqq']", f"{FILE}, line 1: `select` names `zzz/qqq`, which is no rule."),
    ],
)
def test_a_mistake_is_named_by_file_line_and_key(text: str, problem: str) -> None:
    """Whoever wrote it finds it at once."""
    assert loaded(text).problems == (problem,)


def test_a_mistake_in_a_pyproject_is_found_in_our_table() -> None:
    """The line is that of our key, not of another tool's key of the same name."""
    (problem,) = loaded("[tool.x]\nscope = 1\n\n[tool.asyncify]\nscope = 2\n", "pyproject.toml").problems

    assert (
        problem
        == "pyproject.toml, line 5: `scope` is not used: it must be one of `introduced`, `changed-lines`, `changed-files`."
    )


def test_a_file_that_is_no_toml_is_left_out_as_a_whole() -> None:
    """The other layers still count."""
    config = load_config([Layer("octo/.github", 'scope = "changed-files"'), Layer(FILE, "enabled = false\nscope =")])

    assert (config.enabled, config.scope) == (True, "changed-files")
    assert config.problems == (f"{FILE} is not valid TOML and is not used: Invalid value (at end of document).",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"fail-on = {'9' * 5_000}", "is not valid TOML and is not used"),
        (f"fail-on = {'[' * 5_000}", "is not valid TOML and is not used"),
        (f"{'a.' * 20_000}a = 1", "is not used: line 1 holds more than 500 dots"),
        ("# \n" * 40_000, "is not used: it is longer than 100,000 characters"),
        ("".join(f"a{number} = 1\n" for number in range(6_000)), "and 5980 more unknown keys"),
        (f"select = {[f'a{number}' for number in range(6_000)]}", "names `a0`, which is no rule"),
        ("x = '''\n[" + " " * 5_000 + "\n'''\nscop = 1", "unknown key `scop`"),
        (f"exclude = {['*a'] * 5_000}", "`exclude` is not used: it may hold 200 globs at most"),
    ],
)
def test_a_file_that_is_made_to_be_slow(text: str, said: str) -> None:
    """It is told what is wrong with it, at once, and the repository is reviewed all the same."""
    started = time.process_time()
    config = loaded(f"enabled = false\n{text}") if "unknown" in said else loaded(text)
    assert time.process_time() - started < 1

    assert any(said in problem for problem in config.problems)
    assert len(config.problems) <= 21
    assert config.enabled == ("unknown" not in said)


def test_a_large_pyproject_that_does_not_speak_of_us() -> None:
    """It is none of our business."""
    assert loaded("# \n" * 40_000, "pyproject.toml") == RepositoryConfig()


def test_tool_asyncify_must_be_a_table() -> None:
    """A value in its place is told."""
    assert loaded("[tool]\nasyncify = 1", "pyproject.toml").problems == (
        "pyproject.toml: `tool.asyncify` must be a table; it is not used.",
    )


def test_one_wrong_key_costs_itself_only() -> None:
    """A repository that asked for silence is not commented because of a typing error elsewhere."""
    config = loaded("enabled = false\nseverity = 3")

    assert (config.enabled, config.severity, len(config.problems)) == (False, Severity.INFO, 1)


def test_selecting_a_rule_that_does_not_exist_selects_nothing() -> None:
    """All rules would be the opposite of what was meant."""
    config = loaded("select = ['slow/walking']")

    assert not any(applies(rule, config) for rule in all_rules())


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("max-comments = 40", Limits(40, 40)),
        ("max-comments = 0", Limits(0, 25)),
        ("max-comments = {review = 3}", Limits(3, 25)),
        ("max-comments = {review = 3, pull-request = 5}", Limits(3, 5)),
    ],
)
def test_comments_are_limited_by_review_and_by_pull_request(text: str, limits: Limits) -> None:
    """A number is that of a review, a table may give both."""
    assert loaded(text).max_comments == limits


def test_rules_are_selected_by_name_and_by_pack() -> None:
    """To ignore is stronger than to select."""
    config = RepositoryConfig(select=frozenset({"blocking"}), ignore=frozenset({"blocking/sleep"}))

    assert applies("blocking/http", config)
    assert not applies("blocking/sleep", config)
    assert not applies("endpoints/sync", config)


def test_the_analysis_is_told_what_concerns_it() -> None:
    """Selection and exclusion spare work, so that the analysis knows them."""
    config = loaded('ignore = ["blocking"]\nexclude = ["old/"]')

    assert to_options(config) == Options(ignore=frozenset({"blocking"}))


def test_what_the_operator_locks() -> None:
    """The operator's value stays, and who wrote another one is told; what is not locked is a mere default."""
    config = load_config(
        [
            Layer(OPERATOR_NAME, 'locked = ["fail-on", "review-bots"]\nfail-on = "error"\nscope = "changed-files"'),
            Layer(FILE, 'scope = "introduced"\nfail-on = "never"\nreview-bots = true'),
        ]
    )

    assert (config.fail_on, config.review_bots, config.scope) == (Severity.ERROR, False, "introduced")
    assert config.origins == {"fail-on": OPERATOR_NAME, "scope": FILE}
    assert config.problems == (
        f"{FILE}, line 2: `fail-on` is not used: the operator's asyncify.toml locks it.",
        f"{FILE}, line 3: `review-bots` is not used: the operator's asyncify.toml locks it.",
    )


@pytest.mark.parametrize("locked", ['["enabled"]', '["scop"]', '"scope"', "[[1]]", "true"])
def test_what_cannot_be_locked(locked: str) -> None:
    """A repository can always send the bot away, and a key that does not exist locks nothing."""
    (problem,) = load_config([Layer(OPERATOR_NAME, f"\nlocked = {locked}")]).problems

    assert problem.startswith(f"{OPERATOR_NAME}, line 2: `locked` may hold `select`, ")
    assert "`enabled`" not in problem


def test_only_the_operator_locks() -> None:
    """An organisation's or a repository's file knows no such key."""
    assert loaded("locked = []").problems == (f"{FILE}, line 1: unknown key `locked`.",)


SCHEMA: dict[str, Any] = json.loads(Path("docs/asyncify.schema.json").read_text())


def test_the_schema_knows_every_key() -> None:
    """In the order of the documentation, with what it means and its default."""
    assert tuple(SCHEMA["properties"]) == tuple(MEANINGS) == keys()
    for key, kind in SCHEMA["properties"].items():
        assert kind["description"] == MEANINGS[key]
        default = kind["default"]
        table = f"[{key}]" if isinstance(default, dict) else f"{key} = {json.dumps(default)}"
        config = loaded(table)
        assert config.problems == ()
        assert getattr(config, key.replace("-", "_")) == getattr(RepositoryConfig(), key.replace("-", "_"))


@pytest.mark.parametrize(("key", "kind"), [(key, kind) for key, kind in SCHEMA["properties"].items() if "enum" in kind])
def test_the_schema_names_every_choice(key: str, kind: dict[str, Any]) -> None:
    """Each word of the schema is taken, and the sentence about a wrong one names no other."""
    assert not any(loaded(f'{key} = "{choice}"').problems for choice in kind["enum"])
    (problem,) = loaded(f'{key} = "no such word"').problems
    assert problem.endswith(f"it must be one of {', '.join(f'`{choice}`' for choice in kind['enum'])}.")

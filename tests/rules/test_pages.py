"""The pages of all rules: complete, in their place, and true."""

import re
from importlib.resources import files

import pytest

from rules import all_rules
from rules.core.rule import SECTIONS, Rule
from tests.rules.checking import EVERYTHING, assert_fixes, assert_unfixed, found

DECLARED = {"blocking/declared"}  # what it finds, the configuration says
RULES = [pytest.param(rule, id=name) for name, rule in all_rules().items()]
EXAMPLES = [
    pytest.param(rule, before, after, id=f"{name}-{place}")
    for name, rule in all_rules().items()
    for place, (before, after) in enumerate(rule.examples, start=1)
]


def test_rules_are_found() -> None:
    assert {
        "awaiting/forgotten",
        "blocking/files",
        "blocking/sleep",
        "blocking/subprocess",
        "clients/requests",
        "databases/session",
        "endpoints/threaded",
    } <= all_rules().keys()


@pytest.mark.parametrize("rule", RULES)
def test_a_page_has_all_sections(rule: Rule) -> None:
    """'Use instead' may be missing where the page says that there is no fix, the example where a repository has to
    declare something first.
    """
    missing = {title for title in SECTIONS if not rule.section(title)}
    if "no fix" in rule.section("Fix safety"):
        missing -= {"Use instead"}
    if rule.name in DECLARED:
        missing -= {"Example"}
    assert missing == set()


@pytest.mark.parametrize("rule", RULES)
def test_a_page_has_its_sections_in_order_and_no_others(rule: Rule) -> None:
    headings = re.findall(r"^## (.+)$", rule.page, re.MULTILINE)
    assert headings == [title for title in SECTIONS if title in headings]


@pytest.mark.parametrize("rule", RULES)
def test_a_title_is_one_sentence(rule: Rule) -> None:
    assert rule.title.endswith(".")
    assert rule.page.split("\n")[1] == ""


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_stands_where_its_name_says(rule: Rule) -> None:
    assert files("rules").joinpath(f"{rule.name}.py").is_file()
    assert re.fullmatch(r"[a-z_]+/[a-z_]+", rule.name)


@pytest.mark.parametrize("rule", RULES)
def test_references_are_links(rule: Rule) -> None:
    lines = rule.section("References").split("\n")
    assert all(re.fullmatch(r"- \[.+\]\(https://\S+\)", line) for line in lines)


@pytest.mark.parametrize("rule", RULES)
def test_a_page_has_examples(rule: Rule) -> None:
    assert bool(rule.examples) is (rule.name not in DECLARED)


@pytest.mark.parametrize(("rule", "before", "after"), EXAMPLES)
def test_an_example_is_true(rule: Rule, before: str, after: str | None) -> None:
    """The rule finds the first text, and its fixes make the second one of it."""
    if after is None:
        assert_unfixed(rule.name, before, options=EVERYTHING)
    else:
        assert_fixes(rule.name, before, after, options=EVERYTHING)


@pytest.mark.parametrize(("rule", "before", "after"), EXAMPLES)
def test_what_to_use_instead_is_clean(rule: Rule, before: str, after: str | None) -> None:
    assert after is None or not found(rule.name, after, options=EVERYTHING)

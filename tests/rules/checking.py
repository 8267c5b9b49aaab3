"""What every fix must hold, checked by another hand than the engine's own proof.

A test gives a project of one or several files and the name of a rule. `assert_fixes` says what the text is after all fixes
of that rule, `assert_clean` that the rule is silent, `assert_unfixed` that it speaks and offers nothing.
"""

import ast
import builtins
import re
import symtable
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from textwrap import dedent

import msgspec
import pytest

from bot.config import Limits, RepositoryConfig
from bot.fixing import Project, fix_all
from bot.models import ChangedFile, Comment, History, Plan, PullRef, PullRequest
from bot.planning import plan
from rules import (
    Analysis,
    Edit,
    Facts,
    Finding,
    Fix,
    Options,
    Way,
    all_rules,
    analyze,
    apply_edits,
    decode_facts,
    decode_source,
    encode_facts,
    read_base,
    read_facts,
)
from rules.core.fixes.names import names_in_code, open_names
from rules.core.fixes.rereading import taken_apart
from rules.core.syntax import parse

PATH = "app/main.py"
DEFAULT = Options()
EVERYTHING = Options(everything=True)
ONLY_FIXED = "endpoints/upstream"  # said only together with a fix, so not where there are no texts
MOVED = "endpoints/lifespan"  # its fix takes decorators away, and adds a function
OPENED = re.compile(r"Share one client between requests|.* of a client that the lifespan opens")
"""The titles of fixes that add a parameter which a dependency gives, and that dependency."""
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=]")

Text = str | bytes
LeavingOut = Callable[[ast.Module], ast.Module]
Files = Mapping[str, Text]


def _as_it_is(tree: ast.Module) -> ast.Module:
    return tree


def not_yet(reason: str) -> pytest.MarkDecorator:
    """Marks a test that says what is right where the engine does otherwise."""
    return pytest.mark.xfail(strict=True, reason=reason)


def encoded(text: Text) -> bytes:
    """A file's bytes; a text is dedented first and begins where its first line does."""
    return text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode()


def with_app(imports: str, body: str) -> str:
    """A module with `app`: the imports of the standard library above FastAPI's, then the body."""
    above = f"{dedent(imports).strip()}\n\n" if imports.strip() else ""
    return f"{above}from fastapi import FastAPI\n\napp = FastAPI()\n\n\n{dedent(body).lstrip(chr(10))}"


def project(source: Text, files: Files | None = None, path: str = PATH) -> dict[str, bytes]:
    """All files of a project by path."""
    return {path: encoded(source)} | {name: encoded(text) for name, text in (files or {}).items()}


def analysed(
    sources: Mapping[str, bytes], *, base: Mapping[str, bytes] | None = None, options: Options = DEFAULT
) -> Analysis:
    """The analysis of a project whose texts are all at hand; facts have been through the store."""
    before = read_base(_facts(base), options=options) if base is not None else None
    return analyze(_facts(sources), sources, base=before, options=options)


def found(
    rule: str, source: Text, files: Files | None = None, *, path: str = PATH, options: Options = DEFAULT
) -> tuple[Finding, ...]:
    """The findings of one rule in a project."""
    assert rule in all_rules(), f"there is no rule {rule}"
    return tuple(f for f in analysed(project(source, files, path), options=options).findings if f.rule == rule)


def assert_fixes(
    rule: str,
    before: Text,
    after: Text,
    *,
    files: Files | None = None,
    path: str = PATH,
    way: Way | None = None,
    options: Options = DEFAULT,
) -> tuple[Finding, ...]:
    """The fixes of all findings of the rule, made together, turn `before` into `after` and leave nothing to find.

    With `way`, the fixes of that way are taken instead of the best ones. Each fix is also made alone and looked at.
    """
    sources = project(before, files, path)
    analysis = analysed(sources, options=options)
    findings = tuple(f for f in analysis.findings if f.rule == rule)
    assert findings, f"{rule} found nothing"
    for finding in findings:
        for fix in _all_fixes(finding):
            _check_fix(sources, analysis, finding, fix, options)
    chosen = [_fix_of(finding, way) for finding in findings]
    edited = _edited(sources, chosen)
    assert decode_source(edited[path]) == decode_source(encoded(after))
    assert edited == {**sources, path: encoded(after)}
    edits = [edit for fix in chosen for edit in fix.edits if edit.path == path]
    _check_text(sources[path], edited[path], edits, _leaving_out(rule, chosen))
    again = analysed(edited, options=options)
    assert not [f for f in again.findings if f.rule == rule], "something is left to find"
    _check_analysis(sources, analysis, options)
    return findings


def assert_clean(
    rule: str, source: Text, files: Files | None = None, *, path: str = PATH, options: Options = DEFAULT
) -> None:
    """The rule has nothing to say of the project."""
    sources = project(source, files, path)
    for name, text in sources.items():
        assert not read_facts(text).problem, f"{name} cannot be read, so it proves nothing"
    assert [f.message for f in found(rule, source, files, path=path, options=options)] == []


def assert_unfixed(
    rule: str,
    source: Text,
    files: Files | None = None,
    *,
    path: str = PATH,
    way: Way | None = None,
    options: Options = DEFAULT,
) -> tuple[Finding, ...]:
    """The rule finds something and offers no fix (of that way)."""
    sources = project(source, files, path)
    analysis = analysed(sources, options=options)
    findings = tuple(f for f in analysis.findings if f.rule == rule)
    assert findings, f"{rule} found nothing"
    offered = [fix.title for f in findings for fix in _all_fixes(f) if way is None or fix.way is way]
    assert offered == []
    for finding in findings:
        for fix in _all_fixes(finding):
            _check_fix(sources, analysis, finding, fix, options)
    _check_analysis(sources, analysis, options)
    return findings


def assert_whole_file_fixed(source: Text, files: Files | None = None, *, path: str = PATH) -> bytes:
    """The best fixes of all findings of a file, made at once, compile and leave nothing to find in it."""
    sources = project(source, files, path)
    analysis = analysed(sources)
    assert analysis.findings, "nothing was found"
    for finding in analysis.findings:
        for fix in _all_fixes(finding):
            _check_fix(sources, analysis, finding, fix, DEFAULT)
    chosen = [_fix_of(finding, None) for finding in analysis.findings if finding.path == path]
    edited = _edited(sources, chosen)
    _check_text(sources[path], edited[path], [edit for fix in chosen for edit in fix.edits if edit.path == path])
    assert [f.message for f in analysed(edited).findings if f.path == path] == []
    _check_analysis(sources, analysis, DEFAULT)
    return edited[path]


def assert_settles(source: Text, files: Files | None = None, *, path: str = PATH) -> bytes:
    """Whatever is found and mended, in one round: each fix holds alone and with the others, and a second run changes nothing."""
    sources = project(source, files, path)
    analysis = analysed(sources)
    fixes = [finding.fix for finding in analysis.findings if finding.fix]
    for finding in analysis.findings:
        for fix in _all_fixes(finding):
            _check_fix(sources, analysis, finding, fix, DEFAULT)
    edited = _edited(sources, fixes)
    if edited[path] != sources[path]:
        _check_text(sources[path], edited[path], [edit for fix in fixes for edit in fix.edits if edit.path == path])
    again = analysed(edited)
    assert [f.fix.title for f in again.findings if f.fix] == [], "a second run changes something"
    assert len(again.findings) == len(analysis.findings) - len(fixes)
    _check_analysis(sources, analysis, DEFAULT)
    return edited[path]


def _facts(sources: Mapping[str, bytes]) -> dict[str, Facts]:
    return {path: _facts_of(text) for path, text in sources.items()}


@lru_cache(maxsize=4096)
def _facts_of(text: bytes) -> Facts:
    """The facts of a file as they come out of the store; most files of a case are read many times."""
    return decode_facts(encode_facts(read_facts(text)))


def _found_only(sources: Mapping[str, bytes], options: Options) -> Analysis:
    """The findings without fixes, which are written only where the texts are given."""
    return analyze(_facts(sources), {}, options=options)


def _all_fixes(finding: Finding) -> tuple[Fix, ...]:
    return (*((finding.fix,) if finding.fix else ()), *finding.alternatives)


def _fix_of(finding: Finding, way: Way | None) -> Fix:
    offered = _all_fixes(finding) if way else _all_fixes(finding)[:1] if finding.fix else ()
    chosen = next((fix for fix in offered if way is None or fix.way is way), None)
    assert chosen is not None, f"no fix for: {finding.message} ({[fix.way for fix in _all_fixes(finding)]})"
    return chosen


def _edited(sources: Mapping[str, bytes], fixes: list[Fix]) -> dict[str, bytes]:
    edits = [edit for fix in fixes for edit in fix.edits]
    assert {edit.path for edit in edits} <= sources.keys()
    return {path: apply_edits(text, [e for e in edits if e.path == path]) for path, text in sources.items()}


# One fix


def _check_fix(sources: Mapping[str, bytes], analysis: Analysis, finding: Finding, fix: Fix, options: Options) -> None:
    """All that holds of a fix made alone."""
    assert fix.title
    assert fix.edits
    assert all(note.endswith(".") for note in fix.notes)
    edited = _edited(sources, [fix])
    for path in {edit.path for edit in fix.edits}:
        edits = [edit for edit in fix.edits if edit.path == path]
        _check_text(sources[path], edited[path], edits, _leaving_out(finding.rule, [fix]))
        is_read_again(sources[path], edited[path], edits)
    before, after = _counted(analysis), _counted(_found_only(edited, options))
    key = _key(finding)
    assert after[key] < before[key], f"still found after its fix: {finding.message}"
    assert not after - before, f"the fix brings findings of its own: {after - before}"


def _key(finding: Finding) -> tuple[str, str, str, str]:
    """What tells findings apart, also where a fix has changed the text of the call that leads to what blocks."""
    _, leads, blocker = finding.message.partition(" leads to ")
    return finding.rule, finding.path, finding.function, blocker if leads else finding.message


def _counted(analysis: Analysis) -> Counter[tuple[str, str, str, str]]:
    return Counter(map(_key, analysis.findings))


def _leaving_out(rule: str, fixes: list[Fix]) -> LeavingOut:
    """What of a module the fixes of a rule may add to or take away from its signatures."""
    if rule == MOVED:
        return _without_events
    return _without_shared if any(OPENED.fullmatch(fix.title) for fix in fixes) else _as_it_is


def _check_text(before: bytes, after: bytes, edits: list[Edit], leaving_out: LeavingOut = _as_it_is) -> None:
    assert after != before
    _check_rest_untouched(before, after, edits)
    old, new = decode_source(before), decode_source(after)
    compile(new, "<after>", "exec", dont_inherit=True)
    assert _unresolved(new) <= _unresolved(old), "a name resolves no longer"
    assert _signatures(new, leaving_out) == _signatures(old, leaving_out), "a signature changed"
    assert _unawaited(new) <= _unawaited(old), "a coroutine is not awaited"


def is_read_again(before: bytes, after: bytes, edits: Sequence[Edit]) -> bool:
    """Whether only what the edits touch has to be read again; it says to the last byte what the whole file does then."""
    apart = taken_apart(before)
    edited = apart.edited(edits, after) if apart is not None else None
    if apart is None or edited is None:
        return False
    whole = read_facts(after)
    assert edited.facts == whole
    assert encode_facts(edited.facts) == encode_facts(whole)
    assert apart.open == open_names([names_in_code(parse(decode_source(before)))])
    assert edited.open == open_names([names_in_code(parse(decode_source(after)))])
    return True


@lru_cache(maxsize=1024)
def _tree(text: str) -> ast.Module:
    """The syntax tree of a file, which nobody may change."""
    return ast.parse(text)


def _check_rest_untouched(before: bytes, after: bytes, edits: list[Edit]) -> None:
    """Byte for byte: the file is what stands between the edits, in its own encoding, with the replacements put in."""
    mark = b"\xef\xbb\xbf"
    assert before.startswith(mark) == after.startswith(mark)
    old, new = decode_source(before), decode_source(after)
    lines = old.split("\n")
    rest, line, column = new, 1, 1
    for edit in sorted(set(edits), key=lambda e: e.span):
        kept = _stretch(lines, (line, column), edit.span.start) + edit.replacement
        assert rest.startswith(kept), f"text before line {edit.span.line} is another"
        rest = rest.removeprefix(kept)
        line, column = edit.span.end
    assert rest == _stretch(lines, (line, column), (len(lines), len(lines[-1]) + 1))


def _stretch(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text between two positions, lines and columns from 1."""
    (first, left), (last, right) = start, end
    assert start <= end
    if first == last:
        return lines[first - 1][left - 1 : right - 1]
    return "\n".join([lines[first - 1][left - 1 :], *lines[first : last - 1], lines[last - 1][: right - 1]])


@lru_cache(maxsize=1024)
def _unresolved(text: str) -> set[str]:
    """The names that some scope reads from the module, which neither the module nor Python has."""
    top = symtable.symtable(text, "<after>", "exec")
    tables = list(_tables(top))
    made = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    made |= {s.get_name() for t in tables for s in t.get_symbols() if s.is_declared_global() and s.is_assigned()}
    read = {
        s.get_name()
        for table in tables
        for s in table.get_symbols()
        if s.is_referenced() and (s.is_global() or table is top)
    }
    return read - made - set(dir(builtins)) - {"__file__", "__name__"}


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


@lru_cache(maxsize=1024)
def _signatures(text: str, leaving_out: LeavingOut) -> list[tuple[object, ...]]:
    tree = _tree(text) if leaving_out is _as_it_is else leaving_out(ast.parse(text))
    return [
        (n.name, _parameters(n.args), [_of_its_kind(d, n) for d in n.decorator_list], _of_its_kind(n.returns, n))
        for n in ast.walk(tree)
        if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def _of_its_kind(node: ast.expr | None, of: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """What stands at a function; where that yields, what only a `def` or only an `async def` may have is the same."""
    text = _plainly(node) if node is not None else ""
    if not any(isinstance(inner, ast.Yield) for inner in ast.walk(of)):
        return text
    if isinstance(of, ast.AsyncFunctionDef):
        text = re.sub(r"\basync(?=contextmanager$)|\bAsync(?=(Iterator|Iterable|Generator)\b)", "", text)
        return re.sub(r"^((?:\w+\.)*Generator\[.+, \w+)\]$", r"\1, None]", text)
    return text


def _without_shared(tree: ast.Module) -> ast.Module:
    """The module without a lifespan, without what gives a client that is kept there, and without the parameters for it."""
    given = re.compile(r"Depends\(get_\w*client\)\]?$")
    named = re.compile(r"lifespan|get_\w*client")
    tree.body = [node for node in tree.body if not named.fullmatch(getattr(node, "name", ""))]
    for arguments in (node for node in ast.walk(tree) if isinstance(node, ast.arguments)):
        for own, defaults in ((arguments.args, arguments.defaults), (arguments.kwonlyargs, arguments.kw_defaults)):
            told = own[-1].annotation if own else None
            default = defaults[-1] if defaults else None
            if default is not None and given.fullmatch(ast.unparse(default)):
                defaults.pop()
                own.pop()
            elif told is not None and (given.search(ast.unparse(told)) or _is_handed(told, own, arguments)):
                own.pop()
                if own is arguments.kwonlyargs:
                    defaults.pop()
    return tree


def _is_handed(told: ast.expr, own: list[ast.arg], arguments: ast.arguments) -> bool:
    """Whether it tells of a client that is given by its name alone."""
    return own is arguments.kwonlyargs and ast.unparse(told).endswith("AsyncClient")


def _without_events(tree: ast.Module) -> ast.Module:
    """The module without its event handlers' decorators, and without a lifespan."""
    tree.body = [node for node in tree.body if getattr(node, "name", "") != "lifespan"]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.decorator_list = [one for one in node.decorator_list if ".on_event(" not in ast.unparse(one)]
    return tree


def _parameters(arguments: ast.arguments) -> list[str]:
    """The parameters; of those that hold a session only the names, since which kind of session it is belongs to no API.

    Nor does the class of a client that `get_client` gives.
    """
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    defaults = [None] * (len(given) - len(arguments.defaults) - len(arguments.kw_defaults))
    told = zip(given, [*defaults, *arguments.defaults, *arguments.kw_defaults], strict=True)
    return [
        one.arg if _holds_session(one, default) else _plainly(one) + str(default and ast.dump(default))
        for one, default in told
    ]


def _plainly(node: ast.AST) -> str:
    """A parameter or annotation; the class of a client is one whose methods block."""
    named = r"\bAsync(?=OpenAI\b|Anthropic\b)|(?<=\bhttpx\.)Async(?=Client\b)"
    return re.sub(named, "", ast.unparse(node)).replace("redis.asyncio.", "redis.")


def _holds_session(parameter: ast.arg, default: ast.expr | None) -> bool:
    texts = (ast.unparse(node) for node in (parameter.annotation, default) if node is not None)
    return any(re.search(r"Session|get_\w*(db|session)|Db\b", text) for text in texts)


@lru_cache(maxsize=1024)
def _unawaited(text: str) -> int:
    """Calls of what gives a coroutine, by its usual spelling, that stand under no `await`."""
    tree = _tree(text)
    names = {"run_in_threadpool", "to_thread", "asyncio.sleep", "anyio.sleep"}
    awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in awaited]
    return sum(1 for call in calls if any(ast.unparse(call.func).endswith(name) for name in names))


# One analysis


def _check_analysis(sources: Mapping[str, bytes], analysis: Analysis, options: Options) -> None:
    """What holds of the findings of a project whatever their fixes are."""
    assert msgspec.json.decode(msgspec.json.encode(analysis), type=Analysis) == analysis
    assert list(analysis.findings) == sorted(analysis.findings, key=lambda f: (f.path, f.span, f.rule))
    for finding in analysis.findings:
        _check_place(sources, finding)
    assert len({f.fingerprint for f in analysis.findings}) == len(analysis.findings)
    _check_suggestions(sources, analysis, options)
    for path in {f.path for f in analysis.findings}:
        _check_fingerprints_below_blank_lines(sources, analysis, path, options)


def _check_place(sources: Mapping[str, bytes], finding: Finding) -> None:
    lines = decode_source(sources[finding.path]).split("\n")
    assert _stretch(lines, finding.span.start, finding.span.end).strip()
    assert finding.message.endswith(".")
    for place, step in enumerate(finding.chain):
        tree = _tree(decode_source(sources[step.path]))
        name = step.name.rpartition(".")[2]
        at_line = [n for n in ast.walk(tree) if getattr(n, "lineno", 0) == step.line]
        starts_def = any(isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == name for n in at_line)
        is_lambda = name == "<lambda>" and any(isinstance(n, ast.Lambda) for n in at_line)
        last = place == len(finding.chain) - 1
        starts_call = last and any(isinstance(n, ast.Call) for n in at_line)
        assert starts_def or is_lambda or starts_call, f"no `{step.name}` at {step.path}:{step.line}"


def _check_fingerprints_below_blank_lines(
    sources: Mapping[str, bytes], analysis: Analysis, path: str, options: Options
) -> None:
    lower = _found_only({**sources, path: _lowered(sources[path])}, options)
    told = [f for f in analysis.findings if f.rule != ONLY_FIXED]
    assert {f.fingerprint for f in lower.findings} == {f.fingerprint for f in told}
    lines = {f.fingerprint: f.span.line for f in told if f.path == path}
    assert {f.fingerprint: f.span.line - 3 for f in lower.findings if f.path == path} == lines


def _lowered(source: bytes) -> bytes:
    """The file with three blank lines near its top, under a coding cookie and behind a byte-order mark."""
    mark = b"\xef\xbb\xbf" if source.startswith(b"\xef\xbb\xbf") else b""
    text = source.removeprefix(mark)
    first, _, rest = text.partition(b"\n")
    if _COOKIE.match(first):
        return mark + first + b"\n\n\n\n" + rest
    return mark + b"\n\n\n" + text


# One review


def _check_suggestions(sources: Mapping[str, bytes], analysis: Analysis, options: Options) -> None:
    """What is offered to be committed holds alone and all together, and is then what `asyncify fix` makes of it."""
    comments = [one for one in _planned(sources, analysis).comments if one.suggestion and one.fix]
    for comment in comments:
        _check_committed(sources, _committed(sources, [comment]))
    if len(comments) < 2:
        return
    after = _committed(sources, comments)
    _check_committed(sources, after)
    assert after == _edited(sources, [one.fix for one in comments if one.fix])
    findings = [(finding, one.fix) for one in comments if one.fix for finding in one.findings]
    if all(finding.fix and {*finding.fix.edits} <= {*fix.edits} for finding, fix in findings):
        wanted = {finding.fingerprint for finding, _ in findings}
        project = Project(sources, {path: read_facts(text) for path, text in sources.items()}, None, options)
        fixed = fix_all(project, analysis, wanted=lambda f: f.fingerprint in wanted, unsafe=True)
        assert _told(fixed.project.sources) == _told(after)


def _planned(sources: Mapping[str, bytes], analysis: Analysis) -> Plan:
    """The review of a pull request that adds all of the files."""
    files = tuple(ChangedFile(path, "added", patch=_patch(text)) for path, text in sources.items())
    pull = PullRequest(PullRef(1, 1, "octo/shop", 1), "a" * 40, "b" * 40, "main", "octo/shop", "ada")
    limits = RepositoryConfig(max_comments=Limits(1000, 1000))
    return plan(analysis, pull, files, sources, History(), limits)


def _patch(source: bytes) -> str | None:
    text = source.decode(errors="replace")
    lines = text.removesuffix("\n").split("\n")
    end = "" if text.endswith("\n") else "\n\\ No newline at end of file"
    return f"@@ -0,0 +1,{len(lines)} @@\n" + "\n".join(f"+{line}" for line in lines) + end


def _committed(sources: Mapping[str, bytes], comments: Sequence[Comment]) -> dict[str, bytes]:
    """The files after somebody has committed these suggestions, from the bottom to the top."""
    after = dict(sources)
    for comment in comments:
        assert comment.suggestion
        lines = after[comment.path].decode().split("\n")
        new = comment.suggestion.replacement.removesuffix("\n").split("\n")
        lines[comment.suggestion.lines.start - 1 : comment.suggestion.lines.stop - 1] = new
        after[comment.path] = "\n".join(lines).encode()
    return after


def _check_committed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    for path, text in after.items():
        if text != before[path]:
            compile(text, path, "exec", dont_inherit=True)
            opened = _unresolved(decode_source(text)) - _unresolved(decode_source(before[path]))
            assert not opened, f"a suggestion leaves names open: {opened}"


def _told(sources: Mapping[str, bytes]) -> dict[str, list[str]]:
    """What the files do, leaving aside what they import."""
    trees = {path: ast.parse(text).body for path, text in sources.items()}
    imports = (ast.Import, ast.ImportFrom)
    return {path: [ast.dump(n) for n in body if not isinstance(n, imports)] for path, body in trees.items()}

"""Findings as other programs read them: JSON, SARIF, GitHub's workflow commands, and a patch.

Pure. Every format keeps the order of the findings that it is given.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from rules import Edit, Finding, Fix, Rule, Severity, Span, Step, Unreadable

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


# --- JSON


def to_json(findings: Iterable[Finding]) -> str:
    """A list of objects; an end is exclusive, a column counts characters."""
    return json.dumps([_finding(finding) for finding in findings], indent=2)


def _finding(finding: Finding) -> dict[str, object]:
    span = finding.span
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "path": finding.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "message": finding.message,
        "route": finding.route,
        "chain": [{"path": step.path, "line": step.line, "name": step.name} for step in finding.chain],
        "fingerprint": finding.fingerprint,
        "introduced": finding.introduced,
        "fix": None if finding.fix is None else _fix(finding.fix),
    }


def _fix(fix: Fix) -> dict[str, object]:
    return {
        "applicability": str(fix.applicability),
        "notes": list(fix.notes),
        "requires": list(fix.requires),
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, object]:
    span = edit.span
    return {
        "path": edit.path,
        "start_line": span.line,
        "start_column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "replacement": edit.replacement,
    }


# --- SARIF: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html


def to_sarif(
    findings: Sequence[Finding],
    unreadable: Iterable[Unreadable],
    *,
    rules: Mapping[str, Rule],
    version: str,
    root: Path,
) -> str:
    """One run of SARIF 2.1.0. Files lie beneath `%SRCROOT%`, which is `root`."""
    used = sorted({finding.rule for finding in findings})
    driver = {
        "name": "asyncify",
        "version": version,
        "rules": [_sarif_rule(rules[name]) for name in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\n"],
        "originalUriBaseIds": {"%SRCROOT%": {"uri": f"{root.absolute().as_uri()}/"}},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_sarif_notification(one) for one in unreadable],
            }
        ],
        "results": [_sarif_result(finding, used.index(finding.rule)) for finding in findings],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2)


def _sarif_rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _sarif_notification(unreadable: Unreadable) -> dict[str, object]:
    location = {"physicalLocation": {"artifactLocation": _sarif_file(unreadable.path)}}
    return {"level": "warning", "message": {"text": unreadable.reason}, "locations": [location]}


def _sarif_result(finding: Finding, rule: int) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_sarif_location(finding.path, _sarif_region(finding.span))],
        "partialFingerprints": {"asyncify/v1": finding.fingerprint},
    }
    if finding.chain:
        result["codeFlows"] = [
            {"threadFlows": [{"locations": [{"location": _sarif_step(step)} for step in finding.chain]}]}
        ]
    if finding.fix:
        result["fixes"] = [_sarif_fix(finding.fix)]
    return result


def _sarif_step(step: Step) -> dict[str, object]:
    return _sarif_location(step.path, {"startLine": step.line}) | {"message": {"text": step.name}}


def _sarif_fix(fix: Fix) -> dict[str, object]:
    by_path = groupby(sorted(fix.edits), key=lambda edit: edit.path)
    return {
        "description": {"text": " ".join((f"{fix.title} ({fix.applicability}).", *fix.notes))},
        "artifactChanges": [
            {"artifactLocation": _sarif_file(path), "replacements": [_sarif_replacement(edit) for edit in edits]}
            for path, edits in by_path
        ],
    }


def _sarif_replacement(edit: Edit) -> dict[str, object]:
    return {"deletedRegion": _sarif_region(edit.span), "insertedContent": {"text": edit.replacement}}


def _sarif_location(path: str, region: dict[str, int]) -> dict[str, object]:
    return {"physicalLocation": {"artifactLocation": _sarif_file(path), "region": region}}


def _sarif_file(path: str) -> dict[str, str]:
    return {"uri": quote(path, errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}


def _sarif_region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


# --- workflow commands: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands


def to_workflow_commands(findings: Iterable[Finding]) -> str:
    """One line a finding, which GitHub Actions turns into an annotation."""
    return "".join(f"{_workflow_command(finding)}\n" for finding in findings)


def _workflow_command(finding: Finding) -> str:
    span = finding.span
    properties: dict[str, object] = {"file": finding.path, "line": span.line, "endLine": span.end_line}
    if span.line == span.end_line:  # GitHub takes columns for a single line only
        properties |= {"col": span.column, "endColumn": span.end_column}
    properties["title"] = finding.rule
    listed = ",".join(f"{name}={_escaped_property(str(value))}" for name, value in properties.items())
    return f"::{COMMANDS[finding.severity]} {listed}::{_escaped(finding.message)}"


def _escaped(text: str) -> str:
    """As the runner undoes it: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


# --- a patch


def to_patch(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> bytes:
    """What `git apply` takes to make `after` out of `before`."""
    return b"".join(
        line
        for path in sorted(after)
        if before[path] != after[path]
        for line in _patch(path, before[path], after[path])
    )


def _patch(path: str, before: bytes, after: bytes) -> Iterator[bytes]:
    old, new = _git_name(f"a/{path}"), _git_name(f"b/{path}")
    yield b"diff --git %s %s\n" % (old, new)
    if b" " in old:  # as Git itself does, or `git apply` would take the name to end at the blank
        old, new = old + b"\t", new + b"\t"
    for line in difflib.diff_bytes(difflib.unified_diff, _lines(before), _lines(after), old, new, lineterm=b"\n"):
        yield line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"


def _lines(text: bytes) -> list[bytes]:
    r"""Lines as Git counts them: each ends after `\n`, whatever else stands in it."""
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _git_name(name: str) -> bytes:
    raw = name.encode(errors="surrogateescape")
    special = {ord('"'): b'\\"', ord("\\"): b"\\\\"}
    quoted = b"".join(special.get(byte) or (b"%c" % byte if byte >= 32 else b"\\%03o" % byte) for byte in raw)
    return raw if quoted == raw else b'"%s"' % quoted

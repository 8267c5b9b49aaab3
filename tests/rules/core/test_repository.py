"""What a repository gathers after some of its files were edited is what it would gather anew."""

from collections.abc import Mapping
from random import Random

import pytest

from rules import read_facts
from rules.core.catalog import all_libraries
from rules.core.project import Project

TEXTS = (
    "import time\nfrom app import b\nfrom app.c import save as kept\ndef a(): time.sleep(1); b.load(); kept()\n",
    "from . import c\nclass B(c.Store): pass\ndef load(): c.save(); load\n",
    "from app.b import *\nclass Store(Exception): pass\ndef save(): return load()\n",
    "class B(dict): pass\ndef load(): return B().load\n",
    "",
)
PATHS = ("app/__init__.py", "app/a.py", "app/b.py", "app/c.py", "other/b.py")
NAMES = ("load", "save", "sleep", "Store", "B", "kept")


def gathered(project: Project) -> dict[str, object]:
    return {
        "naming": project.naming,
        "calling": project.calling,
        "deriving": project.deriving,
        "importers": [project.importers_of(path) for path in PATHS],
        "imports": [project.imports_of(path) for path in PATHS],
        "users": [project.calling_or_importing([name]) for name in NAMES],
        "calls": [[*project.calls_named(path, name)] for path in PATHS for name in NAMES],
    }


def project_of(texts: Mapping[str, str]) -> Project:
    return Project({path: read_facts(text.encode()) for path, text in texts.items()}, all_libraries())


@pytest.mark.parametrize("seed", range(8))
def test_what_was_gathered_before_an_edit_is_brought_up_to_date(seed: int) -> None:
    random = Random(seed)
    texts = {path: random.choice(TEXTS) for path in PATHS}
    project = project_of(texts)
    differing = set[str]()
    for _ in range(6):
        before = gathered(project)
        edited = {path: random.choice(TEXTS) for path in random.sample(PATHS, 2)}
        texts |= edited
        project = project.with_facts({path: read_facts(text.encode()) for path, text in edited.items()})
        assert gathered(project) == gathered(project_of(texts))
        differing |= {what for what, of_it in gathered(project).items() if of_it != before[what]}
    assert differing == set(before)


def test_a_file_that_is_new_can_be_imported() -> None:
    texts = dict(zip(PATHS, TEXTS, strict=True)) | {"other/b.py": "from app.b import load\n"}
    project = project_of({path: text for path, text in texts.items() if path != "app/b.py"})
    assert "other/b.py" not in project.importers_of("app/b.py")
    project = project.with_facts({"app/b.py": read_facts(texts["app/b.py"].encode())})
    assert "other/b.py" in project.importers_of("app/b.py")

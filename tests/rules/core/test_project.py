"""What an expression is, by evidence only."""

import pytest

from rules.core.catalog import engine
from rules.core.facts import Name, read_name
from rules.core.project import Project
from rules.core.reading import read_facts
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where
from tests.rules.checking import Files, encoded, not_yet

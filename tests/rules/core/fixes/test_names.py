"""What the compiler says of names, held against what else tells it."""

import dis
import inspect

from rules.core.fixes import names


def test_the_names_that_a_body_reads_and_binds_are_those_that_dis_tells() -> None:
    """Of files with many names, so that some lie behind an `EXTENDED_ARG`."""
    kinds = {"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "STORE_NAME"}
    many = "".join(f"a{i} = {i}\n" for i in range(300)) + "def f():\n" + "".join(f"    a{i}()\n" for i in range(300))
    for text in (inspect.getsource(names), inspect.getsource(inspect), many):
        for code in names._codes(compile(text, "", "exec")):
            told = [(i.opcode, i.argval) for i in dis.get_instructions(code) if i.opname in kinds]
            assert list(names._global_names(code)) == told

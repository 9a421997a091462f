"""Modules and functions stay small."""

from sources import functions, modules

MODULE_LINES = 400
FUNCTION_LINES = 60


def test_no_module_is_longer_than_400_lines() -> None:
    assert [(module.place, module.lines) for module in modules() if module.lines > MODULE_LINES] == []


def test_no_function_is_longer_than_60_lines() -> None:
    found = [
        (module.place, function.name, function.end_lineno - function.lineno + 1)
        for module in modules()
        for function in functions(module.tree)
        if function.end_lineno is not None and function.end_lineno - function.lineno >= FUNCTION_LINES
    ]
    assert found == []

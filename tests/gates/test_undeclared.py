"""What shipped code imports is declared; where that cannot be known, nobody is accused."""

from pathlib import Path

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.imports_of import new_imports
from setpoint.gates.measured import vacuous
from setpoint.gates.undeclared import check_imports
from setpoint.testing.gate_grounds import grounds_of

NOTHING = '[project]\nname = "shop"\ndependencies = []\n'


def imported(path: str, before: str, after: str, **files: str) -> list[str]:
    around = {name: text.encode() for name, text in files.items()}
    change = between({**around, path: before.encode()}, {**around, path: after.encode()})
    return [entry.module for entry in new_imports(change)]


@pytest.mark.parametrize(
    ("path", "before", "after", "names"),
    [
        ("shop.py", "", "import yaml, os.path\nfrom PIL import Image\n", ["PIL", "os", "yaml"]),
        ("shop.py", "import yaml\n", "import yaml.nodes\n", []),
        ("shop.py", "", "from . import cart\nfrom .cart import Cart\n", []),
        ("shop.py", "", "try:\n    import yaml\nexcept ImportError:\n    yaml = None\n", []),
        ("shop.py", "", "with contextlib.suppress(ModuleNotFoundError):\n    import yaml\n", []),
        ("shop.py", "", "if TYPE_CHECKING:\n    import yaml\n", []),
        ("shop.py", "", "import shop\nimport cart\n", ["cart"]),
        ("tests/test_shop.py", "", "import yaml\n", []),
        ("docs/conf.py", "", "import sphinx_theme\n", []),
        ("a.ts", "", "import { z } from 'zod';\nimport './own';\nimport fs from 'node:fs';\n", ["zod"]),
        ("a.js", "", "const p = require('@scope/pack/inner');\nawait import('late');\n", ["@scope/pack", "late"]),
        ("a.js", "", "// import x from 'zod'\n/* require('zod') */\nimport os from 'os';\n", []),
        ("a.ts", "", "import type { T } from 'types-only';\nimport x from '@/own';\nimport '#a';\n", []),
        ("a.test.js", "", "import x from 'zod';\n", []),
        ("vite.config.ts", "", "import x from 'vite';\n", []),
    ],
)
def test_only_what_shipped_code_begins_to_import_counts(path: str, before: str, after: str, names: list[str]) -> None:
    assert sorted(imported(path, before, after)) == names


@pytest.mark.parametrize(
    ("source", "manifest", "weight"),
    [
        ("import yaml\n", {"pyproject.toml": NOTHING}, "medium"),
        ("import yaml\n", {"requirements.txt": "pytest\n"}, "medium"),
        ("import no_such_thing\n", {"pyproject.toml": NOTHING}, "medium"),
        ("if x:\n    import yaml\n", {"pyproject.toml": NOTHING}, "low"),
        ("import _pytest\n", {"pyproject.toml": NOTHING.replace("[]", '["pytest-xdist"]')}, "low"),
        ("import no_such_thing\n", {"pyproject.toml": NOTHING.replace("[]", '["not-installed-here"]')}, "low"),
        ("import yaml\n", {"setup.py": "setup(install_requires=open('deps').read())\n"}, "low"),
        ("import yaml\n", {"pyproject.toml": NOTHING.replace("[]", '["PyYAML>=6"]')}, ""),
        ("import yaml\n", {"requirements-dev.txt": "pyyaml\n"}, ""),
        ("import yaml\n", {"setup.py": "setup(install_requires=['pyyaml'])\n"}, ""),
        ("import json\n", {"pyproject.toml": NOTHING}, ""),
        ("import yaml\n", {}, ""),
    ],
)  # fmt: skip
async def test_the_environment_tells_what_a_module_belongs_to(
    tmp_path: Path, source: str, manifest: dict[str, str], weight: str
) -> None:
    base = {"shop/__init__.py": "", **manifest}
    found = await check_imports(grounds_of(tmp_path, base, {**base, "shop/cart.py": source}))
    assert [(entry.rule, entry.severity.value) for entry in found.objections] == (
        [("environment/undeclared-import", weight)] if weight else []
    )
    assert all(entry.place and entry.place.path == "shop/cart.py" for entry in found.objections)


@pytest.mark.parametrize(
    ("package", "more", "weight"),
    [
        ('{"dependencies": {}}', {}, "medium"),
        ('{"peerDependencies": {"zod": "3"}}', {}, ""),
        ('{"devDependencies": {"@types/zod": "3"}}', {}, ""),
        ('{"name": "zod"}', {}, ""),
        ("{}", {"tsconfig.json": '{"compilerOptions": {"paths": {"zod": ["./own"]}}}'}, "low"),
    ],
)
async def test_an_alias_may_stand_for_something_else(
    tmp_path: Path, package: str, more: dict[str, str], weight: str
) -> None:
    base = {"package.json": package, **more}
    found = await check_imports(grounds_of(tmp_path, base, {**base, "src/a.ts": "import { z } from 'zod';\n"}))
    assert [entry.severity.value for entry in found.objections] == ([weight] if weight else [])


async def test_a_change_without_new_imports_asks_nothing(tmp_path: Path) -> None:
    base = {"pyproject.toml": NOTHING, "shop.py": "import yaml\n"}
    assert vacuous(await check_imports(grounds_of(tmp_path, base, {**base, "shop.py": "import yaml\n\nx = 1\n"})))

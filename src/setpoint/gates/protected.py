"""Files whose change moves the goalposts: gate and CI configuration, lock files, agent instructions, test plumbing."""

import unicodedata
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from ..model.objection import Deviation, Objection, Place, Severity, Source
from .frozen import is_test_path

LOCK_FILES = (
    "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.txt", "package-lock.json",
    "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "Cargo.lock", "go.sum",
    "composer.lock", "Gemfile.lock",
)  # fmt: skip

PYTHON_TOOLS = (
    "pyproject.toml", "setup.cfg", "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "tox.toml",
    "noxfile.py", "hatch.toml", "pdm.toml", "poetry.toml", "pixi.toml", "uv.toml", "pip.conf", "ruff.toml",
    ".ruff.toml", "mypy.ini", ".mypy.ini", "pyrightconfig.json", "ty.toml", "pyrefly.toml", ".flake8", "pylintrc",
    ".pylintrc", "pylintrc.toml", ".pylintrc.toml", ".pycodestyle", ".pydocstyle*", ".isort.cfg", ".style.yapf",
    ".yapfignore", ".bandit", "bandit.y*ml", ".coveragerc", ".coveragerc.toml", ".importlinter", ".stestr.conf",
    "nose2.cfg", "unittest.cfg", ".python-version", ".python-versions",
)  # fmt: skip
NODE_TOOLS = (
    "package.json", "pnpm-workspace.yaml", ".pnpmfile.*", ".npmrc", ".yarnrc*", "bunfig.toml", "deno.json",
    "deno.jsonc", "tsconfig*.json", "jsconfig.json", ".eslintrc*", "eslint.config.*", ".eslintignore", ".oxlintrc*",
    "oxlint.config.*", ".oxfmtrc*", "oxfmt.config.*", ".prettierrc*", "prettier.config.*", ".prettierignore",
    "biome.json", "biome.jsonc", ".biome.json", ".biome.jsonc", ".biomeignore", "dprint.json", ".dprint.json",
    "dprint.jsonc", ".stylelintrc*", "stylelint.config.*", "vitest.config.*", "vitest.workspace.*",
    "vitest.projects.*", "vitest.setup.*", "vite.config.*", "jest.config.*", "jest.setup.*", ".mocharc*",
    "ava.config.*", ".taprc", "karma.conf.*", "playwright.config.*", "cypress.config.*", "cypress.json", ".c8rc*",
    ".nycrc*", "nyc.config.*", "stryker.conf*", ".babelrc*", "babel.config.*", ".swcrc", ".nvmrc", ".node-version",
)  # fmt: skip
ANY_TOOLS = (
    ".pre-commit-config.y*ml", "prek.toml", "lefthook.y*ml", ".lefthook.y*ml", ".lintstagedrc*",
    "lint-staged.config.*", "codecov.y*ml", ".codecov.y*ml", "sonar-project.properties", ".semgrepignore",
    ".semgrep.y*ml", ".editorconfig", "Makefile", "GNUmakefile", "justfile", ".justfile", "Taskfile.y*ml",
    "mise.toml", ".mise.toml", ".tool-versions", "turbo.json", "nx.json",
)  # fmt: skip
"""Files that tools read their settings from: those of pytest 9, coverage, ruff, mypy, pyright, ty, pyrefly, pylint,
tox, uv; of vitest, jest, mocha, node, eslint, oxlint, biome, prettier, tsc; and of the runners around them."""

PROTECTED: dict[str, tuple[str, ...]] = {
    "config": (
        "setpoint.toml", ".setpoint/", *PYTHON_TOOLS, *NODE_TOOLS, *ANY_TOOLS,
    ),
    "ci": (
        ".github/workflows/", ".github/actions/", ".github/CODEOWNERS", ".gitlab-ci.yml", ".gitlab/ci/", ".circleci/",
        "azure-pipelines.yml", "Jenkinsfile", ".travis.yml", "bitbucket-pipelines.yml", ".buildkite/", ".drone.yml",
        ".ci/", "appveyor.yml", ".appveyor.yml", ".woodpecker*",
    ),
    "lock": (*LOCK_FILES, "requirements*.txt", "constraints*.txt", "requirements/"),
    "agent": (
        "AGENTS.md", "AGENTS.override.md", "CLAUDE.md", "CLAUDE.local.md", "GEMINI.md", "QWEN.md", ".claude/",
        ".agents/", ".cursor/", ".cursorrules", ".windsurf/", ".clinerules*", ".junie/", ".kiro/", ".specify/",
        ".github/copilot-instructions.md", ".github/instructions/", ".github/skills/", ".mcp.json", ".codex/",
        ".gemini/", ".opencode/", "SYSTEM.md",
    ),
    "infrastructure": (
        "conftest.py", "sitecustomize.py", "usercustomize.py", "*.pth", "Dockerfile*", "docker-compose*.y*ml",
        "compose*.y*ml", "*.tf", ".gitattributes", ".gitmodules", ".envrc", ".env", ".env.*", "!.env.example",
        "!.env.sample", "!.env.template",
    ),
}  # fmt: skip
_CAUSES = {
    "config": "it configures the gates that judge this change",
    "ci": "it decides what CI runs",
    "lock": "it pins dependencies",
    "agent": "it instructs agents",
    "infrastructure": "it changes how tests run or where the product lives",
    "test": "existing tests are not changed while code is written",
}


@cache
def _specs() -> dict[str, Any]:
    from pathspec import GitIgnoreSpec

    return {
        name: GitIgnoreSpec.from_lines(pattern.casefold() for pattern in patterns)
        for name, patterns in PROTECTED.items()
    }


def protection(path: str) -> str:
    """The class of a protected path: config, ci, lock, agent or infrastructure; empty for any other. Names that some
    file systems take for the same (case, composed characters) are the same here."""
    name = unicodedata.normalize("NFKC", path).casefold()
    return next((found for found, spec in _specs().items() if spec.match_file(name)), "")


def protected_changes(
    paths: Sequence[str], *, new: Collection[str] = (), granted: Collection[str] = ()
) -> tuple[Objection, ...]:
    """An objection for each changed path that is not the implementer's to change. `new` are files that did not exist
    before: new test files are welcome. `granted` are paths a person allowed for this change."""
    raised = []
    for path in paths:
        kind = protection(path) or ("test" if is_test_path(path) and path not in new else "")
        if kind and path not in granted:
            raised.append(_objection(path, kind))
    return tuple(raised)


def _objection(path: str, kind: str) -> Objection:
    return Objection(
        source=Source.TAMPER,
        deviation=Deviation.BOUNDARY,
        severity=Severity.HIGH,
        what=f"{path} was changed, which is protected ({kind})",
        cause=f"{_CAUSES[kind]}; put it back, or hand in a request with the reason for a person to decide",
        place=Place(path=path[:500]),
        evidence=f"changed path: {path}",
    )

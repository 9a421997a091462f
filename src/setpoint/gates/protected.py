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

PROTECTED: dict[str, tuple[str, ...]] = {
    "config": (
        "setpoint.toml", ".setpoint/", "pyproject.toml", "setup.cfg", "pytest.ini", ".pytest.ini", "tox.ini",
        "noxfile.py", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", ".flake8", ".pylintrc", ".coveragerc",
        "pyrightconfig.json", ".pre-commit-config.yaml", ".bandit", "package.json", "tsconfig*.json", "jsconfig.json",
        ".eslintrc*", "eslint.config.*", ".eslintignore", ".prettierrc*", "prettier.config.*", ".prettierignore",
        "biome.json", "biome.jsonc", "vitest.config.*", "vitest.workspace.*", "jest.config.*", "jest.setup.*",
        ".mocharc*", "playwright.config.*", "stryker.conf*", "codecov.yml", ".codecov.yml", "sonar-project.properties",
        "Makefile", "GNUmakefile", "justfile", "Taskfile.yml", "Taskfile.yaml", ".npmrc", "pip.conf", "uv.toml",
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
        ".gemini/", ".opencode/",
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

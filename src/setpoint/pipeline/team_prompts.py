"""A team's own instructions in place of the packaged ones: files of the repository, read from the trusted base."""

import hashlib
import re

from ..errors import ConfigError
from ..model.settings import Config
from .bench import Bench, Ground
from .prompts import Prompt, names, prompt
from .visible import visible

LONGEST = 24_000
"""Characters of one file of instructions: they open every request of their sessions."""
_HEADER = re.compile(r"\A<!-- prompt: ([a-z_]+) v(\d+) -->\n")


async def team_prompt(ground: Ground, packaged: Prompt) -> Prompt:
    """The team's words for `packaged` where the base of the run has some, else `packaged`. Raises ConfigError."""
    return await words_at(ground.bench, ground.run.base, packaged)


async def words_at(bench: Bench, base: str, packaged: Prompt) -> Prompt:
    """The words that sessions of a run from `base` would get for `packaged`. Raises ConfigError."""
    path = place_of(bench.config, packaged.name)
    content = await bench.workspaces.show(base, path)
    return packaged if content is None else _read(path, content, packaged)


def place_of(config: Config, name: str) -> str:
    """Where a team keeps its own words for the prompt `name`."""
    return f"{config.context.prompts.rstrip('/')}/{name}.md"


async def team_prompts_there(bench: Bench, base: str) -> None:
    """Raises ConfigError when the base holds instructions that no session would get, or that cannot be used."""
    folder = bench.config.context.prompts.rstrip("/")
    for path, entry in (await bench.trees.entries(base)).items():
        name = path.removeprefix(f"{folder}/").removesuffix(".md")
        if path != f"{folder}/{name}.md" or name == "README":
            continue
        if name not in names():
            raise ConfigError(
                f"{path}: no session has instructions called `{name}`",
                why=f"there are: {', '.join(names())}",
                fix="rename the file; `setpoint context prompt NAME` prints the packaged text",
            )
        if not entry.mode.startswith("100"):
            raise ConfigError(f"{path} is no plain file", why="links are not followed", fix="commit the text itself")
        _read(path, await bench.workspaces.show(base, path) or b"", prompt(name))


def _read(path: str, content: bytes, packaged: Prompt) -> Prompt:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text", fix=f"save {path} as UTF-8") from error
    header = _HEADER.match(text.replace("\r\n", "\n"))
    body = visible(text)[header.end() if header else 0 :].strip()
    if not body or len(body) > LONGEST:
        what = "is empty" if not body else f"holds {len(body)} characters"
        raise ConfigError(f"{path} {what}", why=f"instructions have 1 to {LONGEST}", fix=f"mend {path}, or take it out")
    if "{submit}" not in body:
        body += "\n\nFinish with `{submit}`. Nothing else counts as an answer."
    version = int(header.group(2)) if header else 0
    digest = hashlib.sha256(content).hexdigest()
    return Prompt(name=packaged.name, version=version, text=body, sha256=digest, source=path)

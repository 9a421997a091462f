"""The ways in which agents are spoken to, by the word of their settings."""

from collections.abc import Callable

from ....model.session import Task
from .claude_json import ClaudeTalk
from .client import Ears
from .codex_json import CodexTalk
from .doorway import Doorway, Start
from .talk import AcpTalk
from .talking import Talk


def talk_with(task: Task, start: Start, way: Doorway, ears: Ears, moved: Callable[[], None]) -> Talk:
    """A conversation with the agent that came in by `way`, to be opened."""
    ways: dict[str, type[Talk]] = {"acp": AcpTalk, "claude-json": ClaudeTalk, "codex-json": CodexTalk}
    return ways[start.program.talk](task, start, way, ears, moved)

"""The ways in which agents are spoken to, by the word of their settings."""

from collections.abc import Callable

from ....errors import ConfigError
from ....model.session import Task
from .claude_json import ClaudeTalk
from .client import Ears
from .codex_json import CodexTalk
from .doorway import Doorway, Start
from .talk import AcpTalk
from .talking import Talk


def talk_with(task: Task, start: Start, way: Doorway, ears: Ears, moved: Callable[[], None]) -> Talk:
    """A conversation with the agent that came in by `way`, to be opened."""
    if start.program.talk == "claude-sdk":
        return _by_sdk(start)(task, start, way, ears, moved)
    ways: dict[str, type[Talk]] = {"acp": AcpTalk, "claude-json": ClaudeTalk, "codex-json": CodexTalk}
    return ways[start.program.talk](task, start, way, ears, moved)


def _by_sdk(start: Start) -> type[Talk]:
    """Raises ConfigError without the extra."""
    try:
        from .claude_sdk import SdkTalk
    except ImportError as error:
        raise ConfigError(
            f"agent `{start.name}` needs the extra `claude-sdk`, which is not installed",
            why=str(error),
            fix='install it: pip install "setpoint[claude-sdk]"; or `talk = "claude-json"`, which needs none',
        ) from error
    return SdkTalk

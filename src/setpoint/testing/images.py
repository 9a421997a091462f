"""An engine that builds no images: it reads the Dockerfile, looks for what is copied, and knows some base images."""

from collections.abc import Sequence
from pathlib import Path

from ..gates.dockerfile import read_dockerfile
from ..model.command import Completed


class PaperImages:
    """Keeps the promises of `gates.images.Images` without running a step."""

    name = "paper"

    def __init__(self, images: Sequence[str] = (), *, why: str = "") -> None:
        self._images = frozenset(images)
        self._why = why

    async def ready(self) -> str:
        """As it was made."""
        return self._why

    async def has(self, image: str) -> bool:
        """One of those it was made with."""
        return image in self._images

    async def build(self, context: Path, dockerfile: Path, *, seconds: float) -> Completed:
        """Fails at the first source that is not there."""
        code, said = _on_paper(context, dockerfile)
        return Completed(exit_code=code, stdout=said, stderr="", seconds=0.0, level=self.name)


def _on_paper(context: Path, dockerfile: Path) -> tuple[int, str]:
    said = ""
    for one in read_dockerfile(dockerfile.read_text()).instructions:
        said += f"STEP {one.word} {one.rest}\n"
        gone = [word for word in one.words[:-1] if not (context / word).exists()] if one.word == "COPY" else []
        if gone and not one.flag("from"):
            return 1, f"{said}Error: COPY {' '.join(gone)} failed\n"
    return 0, said

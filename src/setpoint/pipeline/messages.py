"""What the engine writes into commits."""

from .bench import Ground
from .models import choose_models

TRAILERS = {"assisted-by": "Assisted-by", "co-authored-by": "Co-authored-by", "generated-by": "Generated-by"}


def commit_message(ground: Ground, subject: str, body: str) -> str:
    """Subject, body and the trailer the repository's policy asks for; never a sign-off."""
    lines = [subject[:72], "", body.strip(), "", f"Setpoint-Run: {ground.run.id}"]
    trailer = ground.config.commit_trailer
    if trailer != "none":
        lines.append(f"{TRAILERS[trailer]}: setpoint ({_model(ground)})")
    return "\n".join(lines) + "\n"


def hand_message(ground: Ground, by: str, because: str = "") -> str:
    """The commit of what a person typed: no model had a part in it."""
    body = because.strip() or f"Changed in the workspace by {by}."
    subject = f"by hand: {' '.join(body.split())}"
    return "\n".join([subject[:72], "", body, "", f"Setpoint-Run: {ground.run.id}"]) + "\n"


def _model(ground: Ground) -> str:
    from ..errors import NotSignedInError
    from ..model.session import Role

    try:
        return str(choose_models(ground.config, ground.position.stage, Role.PRODUCER, ground.position.level).models[0])
    except NotSignedInError:
        return "recorded session"

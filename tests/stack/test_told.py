"""What a session is told of the services beside its commands."""

from stacked import answering

from setpoint.model.settings import Config
from setpoint.pipeline.context import commands


def test_a_session_is_told_what_stands_beside_its_commands_and_nothing_where_nothing_does() -> None:
    told = {"ports": 2, "service": [answering()], "env": {"SHOP_URL": "http://127.0.0.1:{port_1}"}}
    assert commands(Config.model_validate({"stack": told})).splitlines()[-1] == (
        "- beside each command: greeter at 127.0.0.1:$SETPOINT_PORT_1; free for your own server at "
        "127.0.0.1:$SETPOINT_PORT_2; set: SHOP_URL; data stay between your commands; gates have fresh services"
    )
    assert "beside" not in commands(Config())

"""A sensitive ticket's configuration names nobody outside the house, whatever was configured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.config import PHASES, validated, with_environment
from setpoint.errors import ConfigError, NotSignedInError
from setpoint.model.boundary import Boundaries
from setpoint.model.session import Role
from setpoint.model.settings import Config, PhaseSettings, Provider, Sensitive
from setpoint.model.ticket import Kind, Ticket
from setpoint.parts import endpoints
from setpoint.pipeline.models import SIZES, choose_models
from setpoint.pipeline.sensitivity import in_house, require_in_house, sensitive_because
from setpoint.service.starting import routed

OURS = Provider(api="openai-chat", base_url="http://10.0.0.7/v1", in_house=True)
THEIRS = Provider(api="anthropic", key_env="ANTHROPIC_API_KEY")
PROVIDERS = {"ours": OURS, "second": OURS, "theirs": THEIRS, "others": THEIRS}


def ticket(text: str = "Mend it.", *labels: str, paths: tuple[str, ...] = ()) -> Ticket:
    return Ticket(id="t", title="Fix", kind=Kind.HOTFIX, text=text, labels=labels, boundaries=Boundaries(paths=paths))


SETTINGS = Config(sensitive=Sensitive(paths=("billing/**", "**/patients.py", "keys")))


@pytest.mark.parametrize(
    ("given_ticket", "planned", "because"),
    [
        (ticket(), (), ""),
        (ticket("Mend it.", "Sensitive"), (), "label `Sensitive`"),
        (ticket("Mend it.", "confidential"), (), "label `confidential`"),
        (ticket("The sum in billing/vat.py is wrong."), (), "the ticket names billing/vat.py"),
        (ticket("Mend app/Patients.py, please."), (), "the ticket names app/Patients.py"),
        (ticket(paths=("billing/*.py",)), (), "billing/*.py is to be touched"),
        (ticket(), ("src/**", "app/patients.py"), "src/** is to be touched"),
        (ticket(), ("**",), "** is to be touched"),
        (ticket(), ("keys/new.pem",), "keys/new.pem is to be touched"),
        (ticket("Mend src/billing.py."), ("src/**.txt",), ""),
    ],
)
def test_label_words_and_plan_make_a_ticket_sensitive(
    given_ticket: Ticket, planned: tuple[str, ...], because: str
) -> None:
    found = sensitive_because(SETTINGS, given_ticket, planned)
    assert found.startswith(because)
    assert bool(found) == bool(because)


@pytest.mark.parametrize(
    "written",
    [
        "./billing/vat.py",
        "/billing/vat.py",
        "/home/me/shop/billing/vat.py",
        "src/../billing/vat.py",
        "billing\\vat.py",
        "**billing/vat.py**",
        "_billing/vat.py_",
        "@billing/vat.py",
        "+++ b/billing/vat.py",
        "https://forge.example/shop/blob/main/billing/vat.py#L3",
        "bil\u200bling/vat.py",
        "billing\uff0fvat.py",
        "billing/",
    ],
)
def test_a_sensitive_file_is_known_however_the_ticket_writes_it(written: str) -> None:
    assert sensitive_because(SETTINGS, ticket(f"Mend {written}, please."))


def test_a_hidden_file_is_known_by_its_name() -> None:
    assert sensitive_because(Config(sensitive=Sensitive(paths=(".env",))), ticket("Read .env first."))


@pytest.mark.parametrize("planned", ["billing", "./billing/vat.py", "billing/", "billing/**", "b*/vat.py", "KEYS"])
def test_a_plan_that_names_a_sensitive_file_or_its_folder_makes_the_run_sensitive(planned: str) -> None:
    assert sensitive_because(SETTINGS, ticket(), (planned,))
    assert not sensitive_because(SETTINGS, ticket(), ("docs", "./app/x.py", "Makefile", "docs/*.md"))


def test_a_provider_in_the_house_has_an_address() -> None:
    with pytest.raises(ConfigError, match="in_house needs a base_url"):
        validated({"providers": {"ours": {"api": "openai-chat", "in_house": True}}}, "setpoint.toml")


def test_a_repository_can_be_sensitive_as_a_whole() -> None:
    config = Config(sensitive=Sensitive(because="patient data"))
    assert sensitive_because(config, ticket()) == "patient data"


NAMES = st.sampled_from([f"{provider}/{model}" for provider in PROVIDERS for model in ("a", "b")])
LISTS = st.lists(NAMES, max_size=3, unique=True).map(tuple)
CHOICES = st.one_of(st.just(""), st.sampled_from(SIZES), NAMES)
CONFIGS = st.builds(
    lambda models, choices, validators: Config(
        providers=PROVIDERS,
        models=models,
        phase={
            phase: PhaseSettings(model=model, validator=validator)
            for phase, model, validator in zip(PHASES, choices, validators, strict=True)
        },
    ),
    st.dictionaries(st.sampled_from(SIZES), LISTS),
    st.lists(CHOICES, min_size=len(PHASES), max_size=len(PHASES)),
    st.lists(CHOICES, min_size=len(PHASES), max_size=len(PHASES)),
)


@given(CONFIGS, st.sampled_from(PHASES), st.sampled_from(Role), st.integers(0, 4))
def test_no_phase_validator_reviewer_fallback_or_escalation_names_a_market_provider(
    config: Config, phase: str, role: Role, level: int
) -> None:
    environ = {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"}
    narrowed = in_house(with_environment(config, environ), "label `sensitive`")
    assert set(endpoints(narrowed, environ)) <= {"ours", "second"}  # the agent knows no other address, and no key
    try:
        chosen = choose_models(narrowed, phase, role, level)
    except NotSignedInError:
        return  # nobody is left: nobody is asked
    assert {model.provider for model in chosen.models} <= {"ours", "second"}
    assert in_house(narrowed, "label `sensitive`") == narrowed


def test_a_class_without_a_model_in_the_house_takes_the_nearest_stronger_first() -> None:
    config = Config(providers=PROVIDERS, models={"large": ("theirs/a",), "medium": ("ours/m",), "tiny": ("second/t",)})
    narrowed = in_house(config, "x")
    assert narrowed.models == {
        "tiny": ("second/t",),
        "small": ("ours/m",),
        "medium": ("ours/m",),
        "large": ("ours/m",),
    }


def test_without_a_model_in_the_house_a_sensitive_ticket_is_refused_with_the_way_out() -> None:
    narrowed = in_house(Config(providers={"theirs": THEIRS}, models={"large": ("theirs/a",)}), "label `sensitive`")
    with pytest.raises(ConfigError, match="no model in the house") as caught:
        require_in_house(narrowed)
    assert "in_house = true" in caught.value.fix


def test_a_child_of_a_sensitive_epic_is_sensitive_for_its_epics_reason() -> None:
    config = Config(providers=PROVIDERS, models={"large": ("theirs/a", "ours/a")})
    assert routed(config, ticket()) is config
    narrowed = routed(config, ticket(), "label `sensitive`")
    assert narrowed.models["large"] == ("ours/a",)
    assert narrowed.sensitive.because == "label `sensitive`"


def test_a_ticket_that_is_not_sensitive_keeps_its_configuration() -> None:
    config = Config(providers=PROVIDERS, models={"large": ("theirs/a",)})
    assert in_house(config, "") is config
    require_in_house(config)

"""Specification, design and plan of the xmltodict case."""

from setpoint.model.boundary import Boundaries
from setpoint.model.plan import ChallengeAnswer, Check, Estimate, ModuleChange, Plan, PlanTask
from setpoint.model.spec import Choice, FunctionalSpec, TechSpec
from setpoint.model.ticket import Criterion, SourceTag

SOURCE = "xmltodict.py"
PATH = "tests/test_unparse_bytes.py"

SPEC = FunctionalSpec(
    summary="`unparse()` writes byte values as the text they stand for, in every place a value can stand, and lets the "
    "caller say what happens to bytes that cannot be decoded.",
    users="Programs that build XML from data they read as bytes: files, sockets, databases.",
    current_behaviour="`_convert_value_to_string` (xmltodict.py) hands bytes on as they are, and `_emit` takes a bytes "
    "value apart into numbers because it can be iterated. Attributes and xmlns values go through str(), so they become "
    "`b'abc'`, and booleans become `True`. Only comments are decoded, always as strict UTF-8.",
    criteria=(
        Criterion(
            id="FR-001",
            text="bytes, bytearray and memoryview are written as decoded text as text, #text, attribute, xmlns value "
            "and comment.",
            source=SourceTag.PARAPHRASED,
            quote="wherever a value is written: text, `#text`, attributes, `xmlns` values and comments.",
        ),
        Criterion(
            id="FR-002",
            text="They are decoded with the encoding given by the `encoding` argument.",
            source=SourceTag.USER,
            quote="are decoded with the output encoding (the `encoding` argument)",
        ),
        Criterion(
            id="FR-003",
            text="A bytes value counts as one value and is never iterated, also with `expand_iter`.",
            source=SourceTag.USER,
            quote="They count as one value, also with `expand_iter`.",
        ),
        Criterion(
            id="FR-004",
            text="The keyword `bytes_errors`, default 'replace', is the error handler of the decoding; 'strict' raises "
            "UnicodeDecodeError.",
            source=SourceTag.USER,
            quote="A new keyword `bytes_errors`, default `'replace'`, is the error handler for that decoding",
        ),
        Criterion(
            id="FR-005",
            text="A handler that does not exist raises ValueError `Invalid bytes_errors handler: NAME` before anything "
            "is written.",
            source=SourceTag.USER,
            quote="A handler that does not exist raises `ValueError`, message `Invalid bytes_errors handler: NAME`",
        ),
        Criterion(
            id="FR-006",
            text="xmlns values and attributes write booleans as `true` and `false`.",
            source=SourceTag.USER,
            quote="`xmlns` values and attributes write booleans as `true` and `false`, as text already does.",
        ),
        Criterion(
            id="NFR-001",
            text="Documents without bytes, and without booleans in attributes, are written as before.",
            source=SourceTag.INFERRED,
        ),
        Criterion(
            id="SC-001",
            text="README.md and the docstring of unparse describe `bytes_errors`.",
            source=SourceTag.USER,
            quote="Describe the keyword in the README and the docstring.",
        ),
    ),
    must_stay=(
        "The order of unparse's existing arguments",
        "parse() is not touched",
        "A comment may not contain -- nor end with -, also when it came as bytes",
    ),
    can_break=("Lists and generators of values", "expand_iter on nested lists", "Comments given as bytes"),
    out_of_scope=("Byte keys: names of elements and attributes must be text", "Decoding in parse()"),
)

DESIGN = TechSpec(
    approach="The one conversion function learns to decode, with encoding and error handler as parameters. `_emit` "
    "hands them to every place that writes a value, and no longer takes bytes apart. `unparse` checks the handler "
    "first.",
    components=(
        "xmltodict.py `_convert_value_to_string(value, encoding, bytes_errors)`: decodes bytes, bytearray, memoryview",
        "xmltodict.py `_emit(..., encoding, bytes_errors)`: all call sites, and attributes and xmlns values as new "
        "ones",
        "xmltodict.py `unparse(..., bytes_errors='replace')`: the check and the hand-on",
        "README.md: the list of unparse's keywords",
    ),
    interfaces=("unparse(..., comment_key='#comment', bytes_errors='replace', **kwargs): the new keyword comes last",),
    data="none",
    errors=(
        "Unknown handler: ValueError before a character is written",
        "Undecodable bytes with 'strict': UnicodeDecodeError, as raised by decode",
    ),
    choices=(
        Choice(
            decision="Attributes and xmlns values use the same conversion as text",
            because="booleans and bytes are then the same everywhere, with no second rule",
            instead_of="a decode of its own in each place",
        ),
        Choice(
            decision="codecs.lookup_error checks the handler",
            because="it knows registered handlers too and needs no list",
            instead_of="trying to decode an invalid byte",
        ),
    ),
    covers=("FR-001", "FR-002", "FR-003", "FR-004", "FR-005", "FR-006", "NFR-001", "SC-001"),
    risks=("A memoryview that is not contiguous: bytes() copies it in order",),
)

PLAN = Plan(
    overview="T001 changes the module, T002 the README. The behaviour is proven by new tests; the existing ones stay.",
    modules=(
        ModuleChange(path=SOURCE, how="conversion decodes; _emit and unparse hand encoding and handler on"),
        ModuleChange(path="README.md", how="the new keyword"),
    ),
    data_models="none",
    endpoints="none",
    flows_at_risk=("expand_iter on nested lists", "comments given as bytes, which raised on invalid UTF-8 before"),
    migrations="none",
    flags="none",
    permissions="none",
    telemetry="none",
    tests=(f"{PATH}: a test or more for each of FR-001 to FR-006",),
    rules=(
        "No dependency: the module stands alone (pyproject.toml has none)",
        "Python 3.9 is supported (pyproject.toml)",
    ),
    dependencies=("T002 needs T001",),
    risks=("A call site forgotten: the tests cover all five places",),
    challenge=(
        ChallengeAnswer(
            question="shared model touched?",
            answer="No",
            evidence="search for `class`: only the parser and the generator",
        ),
        ChallengeAnswer(
            question="critical endpoint changed?",
            answer="Yes, unparse(), the public function; a keyword is added at the end",
            evidence="xmltodict.py: def unparse(..., comment_key='#comment', **kwargs)",
        ),
        ChallengeAnswer(
            question="historical data affected?",
            answer="No, nothing is stored",
            evidence="the module writes to its output",
        ),
        ChallengeAnswer(question="migration needed?", answer="No", evidence="there is no stored data"),
        ChallengeAnswer(
            question="race condition?",
            answer="No",
            evidence="no state is kept between calls: search for `global` is empty",
        ),
        ChallengeAnswer(
            question="security risk?",
            answer="Decoded text goes through the same escaping as text",
            evidence="xmltodict.py: content_handler.characters, AttributesImpl, escape in comment",
        ),
        ChallengeAnswer(question="N+1 query?", answer="No query at all", evidence="the module imports no database"),
        ChallengeAnswer(
            question="operational problem only under load?",
            answer="No: one isinstance more for a value that is no text",
            evidence="_convert_value_to_string tests str first",
        ),
    ),
    tasks=(
        PlanTask(
            id="T001",
            title="Decode byte values wherever a value is written",
            steps=(
                "_convert_value_to_string(value, encoding='utf-8', bytes_errors='replace') decodes the three kinds",
                "_emit takes encoding and bytes_errors and hands them to its own recursion",
                "_emit: comment, list item, #text, attribute and xmlns value all go through the conversion; None "
                "stays ''",
                "_emit: the three kinds are one value, both where iterables are taken apart and under expand_iter",
                "unparse(..., bytes_errors='replace'): codecs.lookup_error first; LookupError becomes the asked "
                "ValueError",
                "The docstring of unparse describes the keyword",
            ),
            files=(SOURCE,),
            criteria=("FR-001", "FR-002", "FR-003", "FR-004", "FR-005", "FR-006", "NFR-001"),
            checks=(
                Check(run=f"python -m pytest -q -p no:cacheprovider {PATH}"),
                Check(
                    run="python -m pytest -q -p no:cacheprovider", standard="all tests pass, the earlier ones unchanged"
                ),
            ),
        ),
        PlanTask(
            id="T002",
            title="Describe the keyword in the README",
            steps=("Add bytes_errors to the list under xmltodict.unparse(), after expand_iter",),
            files=("README.md",),
            criteria=("SC-001",),
            checks=(Check(run="grep -n bytes_errors README.md", standard="the keyword is described"),),
            needs=("T001",),
        ),
    ),
    boundaries=Boundaries(
        paths=(SOURCE, "tests/**", "README.md"),
        frozen=("the existing arguments of unparse and their order",),
        max_files=6,
        max_lines=300,
    ),
    estimate=Estimate(days=0.5, lines=150, risk="low"),
    diagram="none",
)

"""Discovery, tech spec and planning: four steps, whose order the ticket sets and the first plan loses."""

from ...model.boundary import Boundaries
from ...model.objection import Deviation, Severity
from ...model.plan import ChallengeAnswer, Check, Estimate, ModuleChange, Plan, PlanTask
from ...model.review import Finding, Verdict
from ...model.spec import Choice, FunctionalSpec, TechSpec
from ...model.ticket import Criterion, SourceTag
from ..authoring import OPUS, SONNET, Turn, hand_in, judged, read, say, search, shell

STORED = "Store avatar_url and avatar_upload_date with each profile."
CALLS = "Add four endpoints: GET and PUT /api/profile, POST and DELETE /api/profile/avatar."
LIMITS = (
    "A request without a file is refused with 400, a file over 5 MB with 400, and a file that is no PNG, JPEG or WebP "
    "picture of at most 24 megapixels with 400."
)
RESULT = "A success returns the stored URL, and a failure is 500 in the shape of SYSTEM.md."
CROP = "Crop each picture to a square of 256 pixels, keeping the part that was asked for."
SHOWN = "Show it all with three components: card, form and upload."
ORDER = "The avatar upload comes first: no component before the tests of its endpoint pass."
STAYS = "The health check must stay as it is."

SPEC = FunctionalSpec(
    summary="A person sees and changes a profile with a picture: four endpoints, limits that are decided by what a "
    "file holds, and a page of three components.",
    users="The people of the site, each on a page of their own.",
    current_behaviour="src/server/app.ts answers GET /health and the page, which shows one sentence "
    "(src/client/page.ts). The table profiles has id, name and bio (migrations/0001_profiles.sql); no code reads it.",
    criteria=(
        Criterion(
            id="FR-001",
            text="GET /api/profile tells name, bio, avatarUrl and avatarUploadDate; PUT changes name and bio, and "
            "refuses with 400 what cannot be kept.",
            source=SourceTag.PARAPHRASED,
            quote=CALLS,
        ),
        Criterion(
            id="FR-002",
            text="POST /api/profile/avatar refuses with 400: a request without a file, a file over 5 MB, a file that "
            "is no PNG, JPEG or WebP by its content, and a picture of more than 24 megapixels before it is unpacked.",
            source=SourceTag.PARAPHRASED,
            quote=LIMITS,
        ),
        Criterion(
            id="FR-003",
            text="A stored picture is answered with 200, its avatarUrl and avatarUploadDate; the URL gives it back. "
            "DELETE takes it away.",
            source=SourceTag.PARAPHRASED,
            quote=STORED,
        ),
        Criterion(
            id="FR-004",
            text="A failure is answered with 500 and `error` with code and message; its cause is not told.",
            source=SourceTag.PARAPHRASED,
            quote=RESULT,
        ),
        Criterion(
            id="FR-005",
            text="A stored picture is WebP of 256 x 256, cropped at centre, top, bottom, left or right as asked.",
            source=SourceTag.PARAPHRASED,
            quote=CROP,
        ),
        Criterion(
            id="FR-006",
            text="The page shows a card with picture or initials, a form for name and bio, and an upload.",
            source=SourceTag.PARAPHRASED,
            quote=SHOWN,
        ),
        Criterion(
            id="NFR-001",
            text="Each component is built after the tests of the endpoints pass.",
            source=SourceTag.PARAPHRASED,
            quote=ORDER,
        ),
        Criterion(id="NFR-002", text="GET /health is answered as before.", source=SourceTag.USER, quote=STAYS),
    ),
    must_stay=(
        "GET /health, and the shape of errors in src/server/answers.ts",
        "migrations/0001_profiles.sql: a migration that was released is never changed (SYSTEM.md)",
        "The rules of SYSTEM.md: files, pictures, storage, strict types, errors, page",
    ),
    can_break=("Profiles that exist already, by the migration",),
    out_of_scope=("Signing in", "More than one profile", "A gallery"),
)

DESIGN = TechSpec(
    approach="The upload is read whole below a limit, its header is looked at before anything is unpacked, and sharp "
    "makes a WebP square of it that is kept under the hash of its content. The page is drawn anew from each answer.",
    components=(
        "migrations/0002_avatars.sql (new): two columns",
        "src/server/profiles.ts (new): all SQL",
        "src/server/avatars.ts (new): `square`, `Avatars`",
        "src/server/upload.ts (new): bodies below a limit",
        "src/server/api.ts (new): the four calls",
        "src/client/api.ts (new): the calls as the page makes them",
        "src/client/components/ (new): profile-card.ts, profile-form.ts, avatar-upload.ts",
        "src/server/app.ts and src/client/page.ts: use them",
    ),
    interfaces=(
        "GET, PUT /api/profile: 200 {id, name, bio, avatarUrl, avatarUploadDate}; 400 malformed, invalid",
        "POST /api/profile/avatar, a form with avatar and position: 200 as above; 400 missing, too_large, "
        "not_a_picture, malformed",
        "DELETE /api/profile/avatar: 200 as above",
        "GET /avatars/HASH.webp: the picture",
    ),
    data=("profiles.avatar_url, profiles.avatar_upload_date: both null, or both set",),
    errors=(
        "No form, no file, an empty file: 400 missing",
        "Over 5 MB: 400 too_large, and no more of it is read",
        "Another format by content, over 24 megapixels by its header, a broken file: 400 not_a_picture",
        "Anything else: 500 internal; the cause on standard error",
    ),
    choices=(
        Choice(
            decision="The picture's header decides format and size before it is unpacked",
            because="a file of 300 bytes can claim 900 megapixels",
            instead_of="unpacking, and seeing how far it goes",
        ),
        Choice(
            decision="A picture is named by the hash of its content",
            because="a name from outside is a path from outside",
            instead_of="the name of the file that was sent",
        ),
    ),
    covers=("FR-001", "FR-002", "FR-003", "FR-004", "FR-005", "FR-006", "NFR-001", "NFR-002"),
    risks=("sharp brings compiled code; it is installed already, and its limits are set for every call",),
)

SCHEMA = PlanTask(
    id="T001",
    title="Schema and migration",
    steps=(
        "Create migrations/0002_avatars.sql: avatar_url and avatar_upload_date, both null for profiles from before",
        "Create src/server/profiles.ts with `profileOf`, `describe` and `picture`; all SQL stands there",
        "Create tests/profiles.test.ts: a database from before is brought up and keeps its profile",
    ),
    files=("migrations/0002_avatars.sql", "src/server/profiles.ts", "tests/profiles.test.ts"),
    criteria=("FR-001", "FR-003"),
    checks=(Check(run="node --test tests/profiles.test.ts"), Check(run="tsc --noEmit")),
)
ENDPOINTS = PlanTask(
    id="T002",
    title="Four endpoints",
    steps=(
        "Create src/server/upload.ts: a body is read whole below a limit, a form has a field avatar",
        "Create src/server/avatars.ts: header first (format, 24 megapixels), then crop to 256 x 256, then WebP",
        "Create src/server/api.ts: GET and PUT /api/profile, POST and DELETE /api/profile/avatar",
        "src/server/app.ts asks the API first, then gives pictures and pages",
        "README.md: the four calls and their limits",
    ),
    files=(
        "src/server/upload.ts",
        "src/server/avatars.ts",
        "src/server/api.ts",
        "src/server/app.ts",
        "tests/avatars.test.ts",
        "README.md",
    ),
    criteria=("FR-001", "FR-002", "FR-003", "FR-004", "FR-005", "NFR-002"),
    checks=(
        Check(run="node --test tests/profile-api.test.ts tests/avatars.test.ts"),
        Check(run="eslint src tests"),
        Check(run="tsc --noEmit"),
    ),
    needs=("T001",),
)
COMPONENTS = PlanTask(
    id="T003",
    title="Three components",
    steps=(
        "Create src/client/api.ts: the calls, and what was refused in words",
        "Create src/client/components/profile-card.ts, profile-form.ts and avatar-upload.ts, each with its test",
        "src/client/page.ts draws them from each answer; public/style.css gives them their looks",
    ),
    files=(
        "src/client/api.ts",
        "src/client/components/profile-card.ts",
        "src/client/components/profile-form.ts",
        "src/client/components/avatar-upload.ts",
        "src/client/page.ts",
        "public/style.css",
    ),
    criteria=("FR-006", "NFR-001"),
    checks=(
        Check(run="node --test tests/profile-card.test.ts tests/profile-form.test.ts tests/avatar-upload.test.ts"),
        Check(run="tsc --noEmit"),
    ),
    needs=("T002",),
)
JOURNEY = PlanTask(
    id="T004",
    title="Integration tests",
    steps=("Create tests/journey.test.ts: the page and the running service together, from a name to a picture",),
    files=("tests/journey.test.ts",),
    criteria=("FR-003", "FR-006"),
    checks=(Check(run="node --test tests/journey.test.ts"),),
    needs=("T003",),
)

CHALLENGE = (
    ChallengeAnswer(
        question="shared model touched?",
        answer="The table profiles gets two columns; its own stay",
        evidence="migrations/0001_profiles.sql",
    ),
    ChallengeAnswer(
        question="critical endpoint changed?",
        answer="No: GET /health and the page keep their answers",
        evidence="tests/health.test.ts stays unchanged",
    ),
    ChallengeAnswer(
        question="historical data affected?",
        answer="Profiles get null in both columns",
        evidence="ALTER TABLE … ADD COLUMN without a default",
    ),
    ChallengeAnswer(
        question="migration needed?",
        answer="Yes, one that adds two columns",
        evidence="migrations/: 0001_profiles.sql only",
    ),
    ChallengeAnswer(
        question="race condition?",
        answer="Two uploads at once: each is written whole under its hash, the last one stands in the profile",
        evidence="node:sqlite is called synchronously, one statement a change",
    ),
    ChallengeAnswer(
        question="security risk?",
        answer="Uploads: judged by content, bounded in bytes and pixels, renamed, re-encoded, served as image/webp",
        evidence="SYSTEM.md: Files, Pictures; nosniff in src/server/app.ts",
    ),
    ChallengeAnswer(
        question="N+1 query?", answer="No: one row is read or written", evidence="src/server/profiles.ts is all SQL"
    ),
    ChallengeAnswer(
        question="operational problem only under load?",
        answer="A crop takes about 20 ms on a thread of libvips; memory is bounded by 24 megapixels",
        evidence="limitInputPixels",
    ),
)

PLAN = Plan(
    overview="Profile page with avatar upload, in four steps that need each other: schema, endpoints, components, "
    "integration. The upload comes first, as the ticket says; nothing is shown that is not stored.",
    modules=(
        ModuleChange(path="src/server/profiles.ts", how="new: SQL"),
        ModuleChange(path="src/server/avatars.ts", how="new: crop and storage"),
        ModuleChange(path="src/server/upload.ts", how="new: bodies below a limit"),
        ModuleChange(path="src/server/api.ts", how="new: four calls"),
        ModuleChange(path="src/server/app.ts", how="asks the API, gives pictures"),
        ModuleChange(path="src/client/api.ts", how="new: the calls of the page"),
        ModuleChange(path="src/client/page.ts", how="card, upload and form"),
    ),
    data_models=("profiles.avatar_url and profiles.avatar_upload_date",),
    endpoints=("GET and PUT /api/profile", "POST and DELETE /api/profile/avatar"),
    flows_at_risk=("GET /health", "The empty page"),
    migrations=("migrations/0002_avatars.sql: two columns, null",),
    flags="none",
    permissions="none",
    telemetry="none",
    tests=(
        "tests/profile-api.test.ts: FR-001 to FR-005, ten tests",
        "tests/profile-page.test.ts: FR-006, two tests",
        "tests/journey.test.ts: page and service together",
    ),
    rules=(
        "What people upload is decided by its content and kept under a name of our own (SYSTEM.md, Files)",
        "WebP, at most 256 x 256, without metadata (SYSTEM.md, Pictures)",
        "Strict types; errors by failed() only; never innerHTML (SYSTEM.md)",
    ),
    dependencies=(
        "Avatar upload first: T002 needs T001, T003 needs T002, T004 needs T003",
        "All tests pass before deployment",
        "No package is added: sharp is installed",
    ),
    risks=("Pictures that say they are larger than they are, and the other way round",),
    challenge=CHALLENGE,
    tasks=(SCHEMA, ENDPOINTS, COMPONENTS, JOURNEY),
    boundaries=Boundaries(
        paths=("src/**", "tests/**", "migrations/**", "public/**", "README.md"),
        dependencies=False,
        migrations=True,
        frozen=("GET /health", "migrations/0001_profiles.sql"),
        max_files=32,
        max_lines=1400,
    ),
    estimate=Estimate(days=2.5, lines=1150, risk="medium"),
    diagram="flowchart LR\n  T001[Schema: 1 day with] --> T002[Endpoints]\n  T002 --> T003[Components: 1 day]\n"
    "  T003 --> T004[Integration: half a day]\n  T004 --> smoke[All tests, then deployment]",
)

LOOSE = "T003 needs T001: the components can be built beside the endpoints"
DRAFT = PLAN.model_copy(
    update={
        "dependencies": (LOOSE, "All tests pass before deployment", "No package is added: sharp is installed"),
        "tasks": (SCHEMA, ENDPOINTS, COMPONENTS.model_copy(update={"needs": ("T001",)}), JOURNEY),
    }
)

SENT_BACK = Verdict(
    compared=(
        "FR-001 to FR-006 with T001 to T004: each has its task and its checks",
        f"`{ORDER}` with needs and dependencies: contradicted",
        "FR-002 with T002's steps: all four refusals, the header first",
        "estimate with the four steps: given, 2.5 days",
    ),
    findings=(
        Finding(
            severity=Severity.HIGH,
            deviation=Deviation.REQUIREMENT,
            what="The plan lets the components be built before the upload's tests pass; the ticket forbids exactly "
            "that order.",
            cause=f"dependencies says `{LOOSE}`, and T003.needs names T001 only.",
            path="tasks.T003.needs",
            evidence=f"The ticket: `{ORDER}`",
        ),
    ),
)
ACCEPTED = Verdict(
    compared=(
        f"`{ORDER}` with T003.needs: T002, whose check is the endpoints' tests",
        "FR-001 to FR-006, NFR-001 and NFR-002 with tasks, checks and tests",
        "the earlier objection (components beside the endpoints): answered",
    ),
)

TURNS: tuple[Turn, ...] = (
    Turn(
        "discovery",
        OPUS,
        (
            say(
                "The rules first, then what is there.",
                read("SYSTEM.md", contains="Pictures"),
                read("src/server/app.ts", contains="createApp"),
                read("src/server/answers.ts", contains="failed"),
                read("migrations/0001_profiles.sql", contains="profiles"),
                read("src/client/page.ts", contains="show"),
            ),
            say("", shell("node --test", contains="pass 5"), shell("node --version", contains="v24")),
            hand_in(SPEC, "The table is there and nobody reads it; the page is one sentence."),
        ),
    ),
    judged(
        "discovery",
        Verdict(
            compared=(
                f"`{CALLS}` with FR-001 to FR-003",
                f"`{LIMITS}` with FR-002: all three, and the pixels before unpacking",
                f"`{RESULT}` with FR-003 and FR-004",
                f"`{CROP}` with FR-005",
                f"`{SHOWN}` with FR-006; `{ORDER}` with NFR-001; `{STAYS}` with NFR-002",
            ),
        ),
    ),
    Turn(
        "tech_spec",
        SONNET,
        (
            say(
                "",
                read("package.json", contains="sharp"),
                search("innerHTML|: any", "src"),
                shell(
                    "node -e \"require('sharp')({create: {width: 9, height: 9, channels: 3, background: 'red'}}).webp()"
                    '.toBuffer().then((made) => console.log(made.length > 20))"',
                    contains="true",
                ),
            ),
            hand_in(DESIGN),
        ),
    ),
    judged(
        "tech_spec",
        Verdict(
            compared=(
                "FR-001 and FR-003 with src/server/profiles.ts and src/server/api.ts",
                "FR-002 with src/server/upload.ts and the header of the picture",
                "FR-004 with errors: 500 internal, the cause on standard error",
                "FR-005 with `square`; FR-006 with the three components",
                "must_stay with components: answers.ts and the first migration are not among them",
            ),
        ),
    ),
    Turn(
        "planning",
        OPUS,
        (
            say("", search("createApp|show\\(", "src", contains="app.ts"), shell("ls migrations", contains="0001")),
            hand_in(DRAFT),
        ),
    ),
    judged("planning", SENT_BACK),
    Turn(
        "planning",
        OPUS,
        (hand_in(PLAN, "Components after the endpoints: T003's need is now what the ticket says."),),
        turn=2,
    ),
    judged("planning", ACCEPTED, fresh=2),
)

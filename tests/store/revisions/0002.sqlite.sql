-- The tables of revision 0002, with a run under way and a yes to its plan that nobody signed.
CREATE TABLE runs (
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    stage TEXT NOT NULL,
    serial INTEGER NOT NULL,
    record TEXT NOT NULL,
    cost TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    CONSTRAINT pk_runs PRIMARY KEY (id)
);
CREATE INDEX ix_runs_state ON runs (state);
CREATE TABLE events (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    stage TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX ix_events_run_seq ON events (run, seq);
CREATE TABLE deliverables (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    content TEXT NOT NULL,
    void BOOLEAN NOT NULL,
    CONSTRAINT pk_deliverables PRIMARY KEY (id)
);
CREATE INDEX ix_deliverables_run_cycle_name ON deliverables (run, cycle, name);
CREATE TABLE rounds (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    visit INTEGER NOT NULL,
    stage TEXT NOT NULL,
    round TEXT NOT NULL,
    objections TEXT NOT NULL,
    CONSTRAINT pk_rounds PRIMARY KEY (id)
);
CREATE INDEX ix_rounds_run_cycle_stage ON rounds (run, cycle, stage);
CREATE TABLE results (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    stage TEXT NOT NULL,
    tree TEXT NOT NULL,
    result TEXT NOT NULL,
    CONSTRAINT pk_results PRIMARY KEY (id)
);
CREATE INDEX ix_results_run_tree ON results (run, tree);
CREATE TABLE approvals (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    about TEXT NOT NULL,
    approval TEXT NOT NULL,
    CONSTRAINT pk_approvals PRIMARY KEY (id)
);
CREATE INDEX ix_approvals_run_cycle_about ON approvals (run, cycle, about);
CREATE TABLE questions (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    question TEXT NOT NULL,
    record TEXT NOT NULL,
    session TEXT NOT NULL,
    CONSTRAINT pk_questions PRIMARY KEY (id),
    CONSTRAINT uq_questions_run_question UNIQUE (run, question)
);
CREATE TABLE packets (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    packet TEXT NOT NULL,
    CONSTRAINT pk_packets PRIMARY KEY (id)
);
CREATE INDEX ix_packets_run ON packets (run);
CREATE TABLE facts (
    run TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_facts PRIMARY KEY (run, "key")
);
CREATE TABLE messages (
    session TEXT NOT NULL,
    position INTEGER NOT NULL,
    message TEXT NOT NULL,
    CONSTRAINT pk_messages PRIMARY KEY (session, position)
);
CREATE TABLE blobs (
    sha256 VARCHAR(64) NOT NULL,
    content BLOB NOT NULL,
    CONSTRAINT pk_blobs PRIMARY KEY (sha256)
);
CREATE TABLE lessons (
    run TEXT NOT NULL,
    lesson VARCHAR(12) NOT NULL,
    seq BIGINT NOT NULL,
    witness TEXT NOT NULL,
    CONSTRAINT pk_lessons PRIMARY KEY (run, lesson)
);
CREATE INDEX ix_lessons_lesson ON lessons (lesson);
CREATE TABLE lesson_words (
    id INTEGER NOT NULL,
    lesson VARCHAR(12) NOT NULL,
    word TEXT NOT NULL,
    CONSTRAINT pk_lesson_words PRIMARY KEY (id)
);
CREATE TABLE charges (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    repository TEXT NOT NULL,
    phase TEXT NOT NULL,
    session TEXT NOT NULL,
    model TEXT NOT NULL,
    day TEXT NOT NULL,
    at TEXT NOT NULL,
    until TEXT NOT NULL,
    state TEXT NOT NULL,
    worst FLOAT,
    usd FLOAT,
    CONSTRAINT pk_charges PRIMARY KEY (id)
);
CREATE INDEX ix_charges_run ON charges (run);
CREATE INDEX ix_charges_repository_day ON charges (repository, day);
CREATE TABLE setpoint_revision (
    version_num VARCHAR(32) NOT NULL,
    PRIMARY KEY (version_num)
);
INSERT INTO runs ("id", "state", "stage", "serial", "record", "cost", "created", "updated") VALUES ('3c91aa', 'running', 'discovery', 0, '{"id":"3c91aa","ticket":{"id":"signup","title":"Validate signup","kind":"feature","text":"Add validation to signup.","building":"","users":"","can_break":"","must_stay":[],"criteria":[],"required_tests":[],"uncheckable":[],"boundaries":{"paths":[],"protected":[],"commands":["*"],"network":[],"dependencies":false,"migrations":false,"frozen":[],"needs_person":[],"max_files":40,"max_lines":1500},"labels":[],"parent":"","needs":[],"phases_by_person":[]},"repository":"/somewhere","base_branch":"main","base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","branch":"setpoint/signup","route_because":"asks for one thing","position":{"route":"feature","stage":"discovery","state":"running","waits":"","task":0,"attempt":1,"visit":1,"rework":"","cycle":1,"epoch":1,"level":0,"environment":0,"serial":0},"owner":"Ada","autonomy":"plan+merge","created":"2026-01-02T12:00:00Z","updated":"2026-01-02T12:00:00Z","note":""}', '{"requests":0,"input_tokens":0,"output_tokens":0,"cached_tokens":0,"usd":0.0,"seconds":0.0,"tool_calls":0}', '2026-01-02T12:00:00.000000+00:00', '2026-01-02T12:00:00.000000+00:00');
INSERT INTO events ("seq", "run", "at", "kind", "stage", "data") VALUES (1, '3c91aa', '2026-11-21T14:18:53.193534+00:00', 'created', 'discovery', '{"route":"feature","because":"it adds something"}');
INSERT INTO events ("seq", "run", "at", "kind", "stage", "data") VALUES (2, '3c91aa', '2026-11-21T14:18:53.204393+00:00', 'round', 'planning', '{"stage":"planning","attempt":1,"error":4.0,"opened":["ab12"],"closed":[],"reopened":[],"repeated":[],"blocking":1,"lines":0,"diff":"","usd":0.0,"about_plan":false,"weights":{},"opinions":[],"failing":{},"model":"","choice":"","given":[],"decision":"correct","cause":"goes on","objections":[{"id":"ab12","source":"validator","deviation":"requirement","severity":"high","what":"tasks: no task serves FR-002","cause":"a criterion nobody works on"}]}');
INSERT INTO events ("seq", "run", "at", "kind", "stage", "data") VALUES (3, '3c91aa', '2026-11-21T14:18:53.221434+00:00', 'prompt', 'planning', '{"turn":1}');
INSERT INTO rounds ("id", "run", "cycle", "visit", "stage", "round", "objections") VALUES (1, '3c91aa', 1, 1, 'planning', '{"stage":"planning","attempt":1,"error":4.0,"opened":["ab12"],"closed":[],"reopened":[],"repeated":[],"blocking":1,"lines":0,"diff":"","usd":0.0,"about_plan":false,"weights":{},"opinions":[],"failing":{},"model":"","choice":"","given":[]}', '[]');
INSERT INTO facts ("run", "key", "value") VALUES ('3c91aa', 'config', '{}');
INSERT INTO messages ("session", "position", "message") VALUES ('3c91aa:c1:planning:producer:1', 0, '{"role":"user","parts":[{"kind":"text","text":"Plan it."}],"autosave":"","usage":null,"model":""}');
INSERT INTO blobs ("sha256", "content") VALUES ('79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96', X'6b657074');
INSERT INTO approvals ("id", "run", "cycle", "about", "approval") VALUES (1, '3c91aa', 1, 'plan', '{"about":"plan","answer":"granted","by":"Ada","subject":"d1","tree":"","because":"","at":"2026-01-02T12:00:00Z"}');
INSERT INTO setpoint_revision ("version_num") VALUES ('0002');

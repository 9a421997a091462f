"""Container files fit the tree they build from; whatever stands in them, reading them ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.gates.build_context import context_of
from setpoint.gates.change_set import between
from setpoint.gates.containers import check_containers
from setpoint.gates.dockerfile import read_dockerfile

TREE = {"app/main.py": "x = 1\n", "app/__init__.py": "", "start.sh": "#!/bin/sh\n", "data/a.csv": "", "data/b.txt": ""}


def told(change: dict[str, str], base: dict[str, str] | None = None, gone: tuple[str, ...] = ()) -> list[str]:
    before = {path: text.encode() for path, text in {**TREE, **(base or {})}.items()}
    after = {**before, **{path: text.encode() for path, text in change.items()}}
    found = check_containers(between(before, {p: c for p, c in after.items() if p not in gone}))
    return sorted(one.rule.removeprefix("containers/") for one in found.objections)


def image(*lines: str) -> dict[str, str]:
    return {"Dockerfile": "\n".join(("FROM python:3.12", *lines)) + "\n"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("COPY app /app",), []),
        (('COPY ["app", "start.sh", "/srv/"]',), []),
        (("COPY data/*.csv /srv/",), []),
        (("COPY data/*.json /srv/",), ["missing-source"]),
        (("COPY --chown=1:1 ap? /srv/",), []),
        (("COPY $FOLDER /srv/",), []),
        (("ARG FOLDER=app", "COPY ${FOLDER} /srv/"), []),
        (("ARG FOLDER=ap", "COPY ${FOLDER} /srv/"), ["missing-source"]),
        (("ADD https://example.org/a.tgz /srv/",), []),
        (("COPY <<EOF /srv/x", "COPY nothing /", "EOF"), []),
        (("COPY --from=0 /a /b",), ["unknown-stage"]),
        (("COPY --from=nginx /a /b",), ["unknown-stage"]),
        (("COPY --from=nginx:1.29 /a /b",), []),
        (("RUN <<EOF", "COPPY a b", "EOF"), []),
        (("RUN a \\", "# COPPY", "", "  && b"), []),
        (("run echo", "copy app /app", "user 0"), ["root"]),
        (("ARG API_TOKEN", "ENV API_TOKEN=$API_TOKEN"), ["secret"]),
        (("ARG API_TOKEN", "ENV TOKEN_SECONDS=60"), []),
        (("WORKDIR /srv", "COPY . .", 'CMD ["./start.sh"]'), []),
        (("WORKDIR /srv", "COPY . .", 'CMD ["./begin.sh"]'), ["missing-start"]),
        (("WORKDIR /srv", "COPY . .", "RUN make begin.sh", 'CMD ["./begin.sh"]'), []),
        (("WORKDIR /srv", "COPY . .", "CMD python -m app.main"), []),
        (("WORKDIR /srv", "COPY . .", "CMD python -m http.server"), []),
        (("WORKDIR /srv", "COPY . .", "CMD python -m app.gone"), ["missing-start"]),
        (("WORKDIR /srv", "COPY . .", "ENTRYPOINT exec gunicorn -w 4 app.main:make"), []),
        (("WORKDIR /srv", "COPY . .", "ENTRYPOINT gunicorn app.other:make"), ["missing-start"]),
        (("COPY app /srv/app", 'CMD ["python", "/opt/run.py"]'), []),
    ],
)
def test_an_image_is_read_beside_its_tree(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(image(*lines)) == expected


def test_what_a_step_of_the_build_may_make_is_minded_when_the_tree_brought_it_before() -> None:
    base = image("WORKDIR /srv", "COPY . .", "RUN pip install .", 'CMD ["./start.sh"]')
    assert told({}, base, gone=("start.sh",)) == ["missing-start"]
    assert told({}, base, gone=("data/a.csv",)) == []


SHOP = "services:\n  shop:\n    image: shop:1\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("    env_file: shop.env\n", ["missing-file"]),
        ("    env_file:\n      - path: shop.env\n        required: false\n", []),
        ("    env_file: [start.sh]\n", []),
        ("    volumes: ['./data:/data', '/var/lib/x:/x', '~/y:/y', '$HERE:/z']\n", []),
        ("    volumes: ['./data/c.csv:/c.csv']\n", ["missing-file"]),
        ("    volumes: ['/:/host']\n", ["host-folder"]),
        ("    volumes:\n      - {type: bind, source: /run/docker.sock, target: /s}\n", ["engine-socket"]),
        ("    volumes: [{type: volume, source: stock, target: /s}]\nvolumes: {stock: {}}\n", []),
        ("    links: ['till:cash']\n    network_mode: service:till\n", ["unknown-service", "unknown-service"]),
        ("    networks: [front]\n    secrets: [key]\n", ["undeclared", "undeclared"]),
        ("    cap_add: [SYS_ADMIN, NET_BIND_SERVICE]\n    pid: host\n", ["capability", "host-namespace"]),
        ("    build: {context: app}\n", ["missing-dockerfile"]),
        ("    build: {context: app, dockerfile_inline: FROM scratch}\n", []),
        ("    build: https://example.org/shop.git\n", []),
        ("    ports: !reset []\n", []),
        ("    ports: ['80:1']\n  b: {image: 'b:1', profiles: [b], ports: ['80:1/udp', '10.0.0.1:80:1']}\n", []),
        ("    ports: ['80:1']\n  b: {image: 'b:1', ports: [{target: 1, published: 80}]}\n", ["port-clash"]),
        ("  b: {image: '${NAME}'}\n  c: {image: c}\n", ["unpinned"]),
        ("  *x\n", ["unreadable"]),
    ],
)
def test_a_compose_file_is_read_beside_its_tree(more: str, expected: list[str]) -> None:
    assert told({"compose.yaml": SHOP + more}) == expected


def test_files_beside_each_other_are_one() -> None:
    base = {"compose.yaml": f"{SHOP}volumes: {{stock: {{}}}}\n"}
    change = {"compose.override.yaml": "services:\n  b: {image: 'b:1', depends_on: [shop], volumes: ['stock:/s']}\n"}
    assert told(change, base) == []


def test_a_dockerfile_that_compose_names_is_built_from_its_folder() -> None:
    compose = "services:\n  shop:\n    build: {context: app, dockerfile: ../make.txt}\n"
    assert told({"compose.yaml": compose, "make.txt": "FROM a:1\nCOPY main.py /\n"}) == []
    assert told({"compose.yaml": compose, "make.txt": "FROM a:1\nCOPY app/main.py /\n"}) == ["missing-source"]


@given(st.text(alphabet="FROM COPYRUN<\\`\"'$[]{}#=-*\n\tab/.:@&\0é", max_size=300))
def test_whatever_stands_there_is_read_to_its_end(text: str) -> None:
    assert all(one.line <= text.count("\n") + 1 for one in read_dockerfile(text).instructions)
    told({"Dockerfile": text, ".dockerignore": text, "compose.yaml": text})


def test_stars_without_end_cost_no_time() -> None:
    rules = "\n".join(["a*" * 40 + "b", "**/" * 40 + "c", "*" * 12 + "d", "!" + "?" * 50])
    context = context_of(".", "Dockerfile", frozenset({".dockerignore", "a" * 200}), lambda _: rules.encode())
    assert "a" * 200 in context.seen


@pytest.mark.parametrize(
    ("rule", "path", "out"),
    [
        ("data", "data/a/b", True),
        ("/data/", "data/a", True),
        ("data", "more/data", False),
        ("**/data", "more/data/a", True),
        ("**/data", "data", True),
        ("**/*.py[cod]", "a/b.pyc", True),
        ("*.py", "a/b.py", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**", "a/b/c", True),
        ("**", "a", True),
        ("**.log", "a/b.log", True),
        ("a[^b]c", "abc", False),
        ("a?c", "abc", True),
        ("[", "[", True),
    ],
)
def test_ignore_files_are_read_as_engines_do(rule: str, path: str, out: bool) -> None:
    context = context_of(".", "Dockerfile", frozenset({".dockerignore", path}), lambda _: rule.encode())
    assert (path not in context.seen) == out


@pytest.mark.parametrize("first", ["FROM x:1", "ARG FIRST=a"])
@pytest.mark.parametrize("word", ["ARG", "ENV"])
def test_variables_that_double_each_other_do_not_fill_the_memory(first: str, word: str) -> None:
    lines = [f"{word} B{n}=${{B{n - 1}}}${{B{n - 1}}}" for n in range(1, 60)]
    last = ["FROM python:3.12", "WORKDIR $B59", "COPY $B59 $B59", "COPY --from=$B59 /a /b", "CMD $B59"]
    file = read_dockerfile("\n".join([first, f"{word} B0=aa", *lines, *last]))
    assert max(len(value) for value in [*file.arguments.values(), *(stage.image for stage in file.stages)]) <= 4_000
    assert set(told({"Dockerfile": "\n".join([first, f"{word} B0=aa", *lines, *last])})) <= {"no-base"}


def test_a_file_of_endless_instructions_is_refused_without_reading_on() -> None:
    assert told(image(*["COPY a* /b"] * 20_000)) == ["too-long"]

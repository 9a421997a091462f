"""What a migration written in Python does to the schema, as the SQL that would do it. Read, never run."""

import ast
from collections.abc import Iterator

from .sql_locks import Statement, statements


def alembic_steps(tree: ast.Module) -> Iterator[Statement]:
    """The calls of `op`, and of a batch on one table, in `upgrade`."""
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            for node in ast.walk(function):
                if isinstance(node, ast.With):
                    yield from _batch(node)
                elif isinstance(node, ast.Call) and _owner(node) == "op":
                    yield from _operation(node, None)


def _batch(node: ast.With) -> Iterator[Statement]:
    for item in node.items:
        call = item.context_expr
        if (
            isinstance(call, ast.Call)
            and _method(call) == "batch_alter_table"
            and isinstance(item.optional_vars, ast.Name)
        ):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and _owner(inner) == item.optional_vars.id:
                    yield from _operation(inner, _text(call, 0, "table_name"))


def _operation(call: ast.Call, table: str | None) -> Iterator[Statement]:
    """One call; in a batch the table is known and its argument left out."""
    method, shift = _method(call), 0 if table else 1
    on = table or _text(call, 0, "table_name")
    name = _text(call, shift, "column_name")
    line = call.lineno
    if method == "add_column":
        yield Statement(f"ALTER TABLE {on} ADD COLUMN {_column(_argument(call, shift, 'column'))}", line)
    elif method == "drop_column":
        yield Statement(f"ALTER TABLE {on} DROP COLUMN {name}", line)
    elif method == "alter_column":
        yield from _altered(call, on, name)
    elif method == "create_index":
        on = table or _text(call, 1, "table_name")
        quick = "CONCURRENTLY " if _true(_keyword(call, "postgresql_concurrently")) else ""
        yield Statement(f"CREATE INDEX {quick}i ON {on} (c)", line)
    elif method in ("create_foreign_key", "create_check_constraint"):
        on = table or _text(call, 1, "source_table")
        later = " NOT VALID" if _true(_keyword(call, "postgresql_not_valid")) else ""
        kind = "FOREIGN KEY (c) REFERENCES r" if method == "create_foreign_key" else "CHECK (c)"
        yield Statement(f"ALTER TABLE {on} ADD CONSTRAINT k {kind}{later}", line)
    elif method == "create_table":
        yield Statement(f"CREATE TABLE {_text(call, 0, 'table_name')} (id int)", line)
    elif method == "drop_table":
        yield Statement(f"DROP TABLE {on}", line)
    elif method == "rename_table":
        yield Statement(f"ALTER TABLE {on} RENAME TO x", line)
    elif method == "execute":
        yield from _raw(_argument(call, 0, "sqltext"), line)


def _altered(call: ast.Call, table: str, column: str) -> Iterator[Statement]:
    start = f"ALTER TABLE {table} "
    if _keyword(call, "type_") is not None:
        yield Statement(f"{start}ALTER COLUMN {column} TYPE x", call.lineno)
    if _false(_keyword(call, "nullable")):
        yield Statement(f"{start}ALTER COLUMN {column} SET NOT NULL", call.lineno)
    if _keyword(call, "new_column_name") is not None:
        yield Statement(f"{start}RENAME COLUMN {column} TO x", call.lineno)


def _column(node: ast.expr | None) -> str:
    """`sa.Column(...)` as SQL: whether it demands a value, and what default it has."""
    if not isinstance(node, ast.Call):
        return "c x"
    name = _text(node, 0, "name")
    demands = " NOT NULL" if _false(_keyword(node, "nullable")) or _true(_keyword(node, "primary_key")) else ""
    default = _keyword(node, "server_default")
    computed = any(isinstance(part, ast.Call) and _method(part) in ("Computed", "Identity") for part in node.args)
    told = f" DEFAULT {_default(default)}" if default is not None or computed else ""
    return f"{name} x{demands}{told}"


def _default(node: ast.expr | None) -> str:
    found = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)] if node else []
    return str(found[0]) if found else f"{_method(node)}()" if isinstance(node, ast.Call) else "0"


def _raw(node: ast.expr | None, line: int) -> Iterator[Statement]:
    """The statements in a text, also in a call around it (`sa.text`) or in a list."""
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield from (Statement(told.text, line) for told in statements(part.value))


# -- Django ----------------------------------------------------------------------------------------------------------


def django_steps(operations: ast.expr | None, app: str) -> tuple[list[Statement], bool]:
    """The operations as SQL, and whether they can be taken back."""
    found: list[Statement] = []
    reversible = True
    for call in operations.elts if isinstance(operations, ast.List) else ():
        if isinstance(call, ast.Call):
            kind = _method(call)
            if kind == "RunPython":
                reversible &= _argument(call, 1, "reverse_code") is not None
            elif kind == "RunSQL":
                reversible &= _argument(call, 1, "reverse_sql") is not None
            found += _django_operation(call, kind, app)
    return found, reversible


def _django_operation(call: ast.Call, kind: str, app: str) -> Iterator[Statement]:
    model, line = _text(call, 0, "model_name").lower(), call.lineno
    table = f"{app}_{model}"
    if kind == "AddField":
        yield Statement(f"ALTER TABLE {table} ADD COLUMN {_field(_argument(call, 2, 'field'))}", line)
    elif kind == "RemoveField":
        yield Statement(f"ALTER TABLE {table} DROP COLUMN c", line)
    elif kind == "RenameField":
        yield Statement(f"ALTER TABLE {table} RENAME COLUMN c TO x", line)
    elif kind == "AlterField":
        yield Statement(f"ALTER TABLE {table} ALTER COLUMN c TYPE x", line)
    elif kind == "AddIndex":
        yield Statement(f"CREATE INDEX i ON {table} (c)", line)
    elif kind == "AddConstraint":
        yield Statement(f"ALTER TABLE {table} ADD CONSTRAINT k CHECK (c)", line)
    elif kind in ("CreateModel", "DeleteModel", "RenameModel"):
        table = f"{app}_{_text(call, 0, 'old_name' if kind == 'RenameModel' else 'name').lower()}"
        forms = {"CreateModel": f"CREATE TABLE {table} (id int)", "DeleteModel": f"DROP TABLE {table}"}
        yield Statement(forms.get(kind, f"ALTER TABLE {table} RENAME TO x"), line)
    elif kind == "RunSQL":
        yield from _raw(_argument(call, 0, "sql"), line)


def _field(node: ast.expr | None) -> str:
    if not isinstance(node, ast.Call) or _method(node) == "ManyToManyField":
        return "c x"
    demands = "" if _true(_keyword(node, "null")) else " NOT NULL"
    known = any(_keyword(node, name) is not None for name in ("default", "db_default", "auto_now", "auto_now_add"))
    return f"c x{demands}{' DEFAULT 0' if known else ''}"


# -- calls -----------------------------------------------------------------------------------------------------------


def _owner(call: ast.Call) -> str:
    return call.func.value.id if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) else ""


def _method(call: ast.expr | None) -> str:
    if not isinstance(call, ast.Call):
        return ""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((part.value for part in call.keywords if part.arg == name), None)


def _argument(call: ast.Call, at: int, name: str) -> ast.expr | None:
    return call.args[at] if len(call.args) > at else _keyword(call, name)


def _text(call: ast.Call, at: int, name: str) -> str:
    node = _argument(call, at, name)
    return str(node.value) if isinstance(node, ast.Constant) and node.value else "t"


def _true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False

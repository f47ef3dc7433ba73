"""The SELECT of a task: made of its parameters, and looked through before DuckDB runs it. work.py calls it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from atropos_core.data_parameters import DataProcessingParameters
from atropos_worker.handlers.data.tables import identifier
from atropos_worker.outcome import Permanent

#: Functions that make tables out of their arguments, and read nothing else.
TABLE_FUNCTIONS = {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"}
#: Functions that tell of the worker.
REFUSED_FUNCTIONS = {"current_setting"}
ONE_SELECT = "it must be one SELECT, and nothing else"


def compose(parameters: DataProcessingParameters) -> str:
    """The SELECT that the parameters ask for: join, filter, group, select, sort, limit, in this order."""
    if parameters.sql is not None:
        return parameters.sql
    found = f"SELECT * FROM {_tables(parameters)}"
    if parameters.filter is not None:
        found += f"\nWHERE (\n{parameters.filter}\n)"
    if parameters.aggregates is not None:
        groups = _names(parameters.group_by or [])
        made = [f"\n{expression}\nAS {identifier(name)}" for name, expression in parameters.aggregates.items()]
        found = f"SELECT {', '.join([*groups, *made])} FROM (\n{found}\n)"
        if groups:
            found += f" GROUP BY {', '.join(groups)}"
    if parameters.select is not None:
        # Sorted is what they are selected from, so that it may be by a column that is left out.
        found = f"SELECT {', '.join(_names(parameters.select))} FROM (\n{found}\n)"
    elif parameters.order_by is not None:
        found = f"SELECT * FROM (\n{found}\n)"
    if parameters.order_by is not None:
        found += f"\nORDER BY {', '.join(map(_order, parameters.order_by))}"
    if parameters.limit is not None:
        found += f"\nLIMIT {parameters.limit}"
    return found


def _tables(parameters: DataProcessingParameters) -> str:
    join = parameters.join
    if join is None:
        return identifier(parameters.table_names[0])
    first = next(name for name in parameters.table_names if name != join.with_table)
    columns = ", ".join(_names(join.on))
    return f"{identifier(first)} {join.how.upper()} JOIN {identifier(join.with_table)} USING ({columns})"


def _names(columns: list[str]) -> list[str]:
    return [identifier(column) for column in columns]


def _order(column: str) -> str:
    return f"{identifier(column.removeprefix('-'))} {'DESC' if column.startswith('-') else 'ASC'}"


def check(sql: str, tables: list[str], parse: Callable[[str], str]) -> None:
    """Raises Permanent unless it is one SELECT on these tables.

    `parse` is DuckDB's `json_serialize_sql`: what is looked through is what will run. That DuckDB may open only the
    task's own files does not suffice, as those must not be written to: they may be the content of an upload.
    """
    try:
        parsed = json.loads(parse(sql))
        if parsed["error"]:
            raise Permanent(f"{ONE_SELECT}: {parsed['error_message']}")
        if len(parsed["statements"]) != 1:
            raise Permanent(ONE_SELECT)
    except RecursionError:
        raise Permanent("it is nested too deeply") from None
    nodes = list(_nodes(parsed))
    known = {name.lower() for name in tables} | {entry["key"].lower() for entry in nodes if _is_named_query(entry)}
    for node in nodes:
        _check_node(node, known, tables)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _is_named_query(node: dict[str, Any]) -> bool:
    """Whether it is a part of `WITH name AS (…)`."""
    value = node.get("value")
    return isinstance(node.get("key"), str) and isinstance(value, dict) and "query_node" in value


def _check_node(node: dict[str, Any], known: set[str], tables: list[str]) -> None:
    kind = node.get("type")
    if not isinstance(kind, str):
        return
    if kind.endswith("_QUERY_NODE"):
        raise Permanent(f"{ONE_SELECT}: it holds {kind.removesuffix('_QUERY_NODE')}")
    if kind == "BASE_TABLE":
        name, place = node.get("table_name", ""), [node.get("catalog_name"), node.get("schema_name")]
        if any(place) or name.lower() not in known:
            raise Permanent(f"there is no table {'.'.join(filter(None, [*place, name]))!r}: it has {_listed(tables)}")
    elif kind == "TABLE_FUNCTION":
        function = node.get("function", {}).get("function_name", "")
        if function.lower() not in TABLE_FUNCTIONS:
            raise Permanent(f"it must not call {function}: in FROM may be {_listed(sorted(TABLE_FUNCTIONS))}")
    elif kind == "FUNCTION" and node.get("function_name", "").lower() in REFUSED_FUNCTIONS:
        raise Permanent(f"it must not call {node['function_name']}")


def _listed(names: list[str]) -> str:
    return ", ".join(names)

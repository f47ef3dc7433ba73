/** Where the tasks of a graph are drawn: in columns, each to the right of all that it depends on. */
import type { TaskGraph, TaskNode } from "@/api/types";

export interface Placed {
  node: TaskNode;
  /** From 0: the number of links of the longest way that leads to it. */
  column: number;
  /** From 0, within its column. */
  row: number;
  /** The ids of the tasks of the graph that it depends on. */
  dependsOn: readonly string[];
}

type Links = ReadonlyMap<string, readonly string[]>;

/** By column and row. It is the same whatever the order of the answer and whichever task was asked for. */
export function layOut({ nodes, edges }: Pick<TaskGraph, "nodes" | "edges">): Placed[] {
  const known = new Set(nodes.map(({ task_id }) => task_id));
  const inside = edges.filter((edge) => known.has(edge.task_id) && known.has(edge.depends_on));
  const needs = linksOf(inside.map((edge) => [edge.task_id, edge.depends_on]));
  const dependents = linksOf(inside.map((edge) => [edge.depends_on, edge.task_id]));
  const columns = columnsOf([...known], needs, dependents);
  const placed = new Map<string, Placed>();
  for (const column of inColumns(nodes, columns)) {
    for (const [row, node] of inRows(column, needs, placed).entries()) {
      const { task_id } = node;
      placed.set(task_id, { node, column: columns.get(task_id) ?? 0, row, dependsOn: needs.get(task_id) ?? [] });
    }
  }
  return [...placed.values()];
}

function linksOf(pairs: readonly (readonly [string, string])[]): Links {
  const links = new Map<string, string[]>();
  for (const [from, to] of pairs) {
    const ends = links.get(from);
    if (ends) ends.push(to);
    else links.set(from, [to]);
  }
  return links;
}

/** A task is looked at when all that it depends on have been, so each link is followed once. */
function columnsOf(ids: readonly string[], needs: Links, dependents: Links): Map<string, number> {
  const missing = new Map(ids.map((id) => [id, needs.get(id)?.length ?? 0]));
  const ready = ids.filter((id) => missing.get(id) === 0);
  const columns = new Map(ready.map((id) => [id, 0]));
  for (const id of ready) {
    for (const dependent of dependents.get(id) ?? []) {
      columns.set(dependent, Math.max(columns.get(dependent) ?? 0, (columns.get(id) ?? 0) + 1));
      const left = (missing.get(dependent) ?? 0) - 1;
      missing.set(dependent, left);
      if (left === 0) ready.push(dependent);
    }
  }
  return columns;
}

function inColumns(nodes: readonly TaskNode[], columns: ReadonlyMap<string, number>): TaskNode[][] {
  const found: TaskNode[][] = [];
  for (const node of nodes) {
    const column = columns.get(node.task_id) ?? 0;
    while (found.length <= column) found.push([]);
    found[column]?.push(node);
  }
  return found;
}

/** Beside what they depend on, so that few links cross; then in the order of their ids, which is that of submission. */
function inRows(column: readonly TaskNode[], needs: Links, placed: ReadonlyMap<string, Placed>): TaskNode[] {
  const heights = new Map<string, number>();
  for (const { task_id } of column) {
    const rows = (needs.get(task_id) ?? []).map((id) => placed.get(id)?.row ?? 0);
    heights.set(task_id, rows.reduce((sum, row) => sum + row, 0) / Math.max(1, rows.length));
  }
  const heightOf = ({ task_id }: TaskNode) => heights.get(task_id) ?? 0;
  return [...column].sort((one, other) => heightOf(one) - heightOf(other) || (one.task_id < other.task_id ? -1 : 1));
}

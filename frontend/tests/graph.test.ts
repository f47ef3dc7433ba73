import { describe, expect, it } from "vitest";
import type { TaskGraph, TaskNode } from "@/api/types";
import { layOut } from "@/task/graph-layout";
import { applyProgress, changesGraph } from "@/task/use-task-graph";
import { event } from "./samples";

const node = (task_id: string, changes: Partial<TaskNode> = {}): TaskNode => ({
  task_id,
  task_type: "default",
  status: "pending",
  progress: 0,
  ...changes,
});

/** From links that are written as they are drawn: `a>b` for b, which depends on a. */
function graph(...links: string[]): TaskGraph {
  const pairs = links.map((link) => link.split(">") as [string, string]);
  const ids = new Set(pairs.flat());
  const edges = pairs.map(([depends_on, task_id]) => ({ task_id, depends_on }));
  return { nodes: [...ids].map((id) => node(id)), edges, truncated: false };
}

/** The ids, column by column. */
function columns(laid: ReturnType<typeof layOut>): string[] {
  const found: string[] = [];
  for (const { node, column } of laid) found[column] = `${found[column] ?? ""}${node.task_id}`;
  return found;
}

describe("layOut", () => {
  it("puts each task to the right of the last one that it depends on", () => {
    expect(columns(layOut(graph("a>b", "b>c", "a>d", "c>d", "x>d")))).toEqual(["ax", "b", "c", "d"]);
  });

  it("places tasks beside what they depend on, so that links need not cross", () => {
    const laid = layOut(graph("a>z", "b>y", "c>x"));
    expect(columns(laid)).toEqual(["abc", "zyx"]);
    expect(laid.map(({ row }) => row)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it("is the same whatever the order of the answer", () => {
    const { nodes, edges } = graph("a>c", "b>c", "a>d", "c>e", "d>e", "b>f");
    const turned = { nodes: [...nodes].reverse(), edges: [...edges].reverse() };
    expect(columns(layOut(turned))).toEqual(columns(layOut({ nodes, edges })));
  });

  it("draws no link to a task that is not among them", () => {
    const { edges } = graph("gone>a", "a>b");
    const laid = layOut({ nodes: [node("b"), node("a")], edges });
    expect(laid.map(({ node, column, dependsOn }) => [node.task_id, column, dependsOn])).toEqual([
      ["a", 0, []],
      ["b", 1, ["a"]],
    ]);
  });

  it("places every task once, and ends, even if an answer had a circle", () => {
    const laid = layOut(graph("a>b", "b>c", "c>b"));
    expect(laid.map(({ node }) => node.task_id).sort()).toEqual(["a", "b", "c"]);
  });

  it("follows each link once: many diamonds in a row are laid out at once", () => {
    const links = Array.from({ length: 100 }, (_, at) => {
      const [from, to] = [`${at}`.padStart(3, "0"), `${at + 1}`.padStart(3, "0")];
      return [`${from}>${from}l`, `${from}>${from}r`, `${from}l>${to}`, `${from}r>${to}`];
    });
    expect(layOut(graph(...links.flat())).at(-1)).toMatchObject({ node: { task_id: "100" }, column: 200 });
  });
});

describe("events", () => {
  const [running, waiting] = [node("a", { status: "processing", progress: 0.2 }), node("b")];
  const shown: TaskGraph = { nodes: [running, waiting], edges: [], truncated: false };
  const progressed = (task_id: string, progress: number) => event("progressed", 1, { task_id, data: { progress } });

  it("move the bars of what runs, and leave the rest as it is", () => {
    const { nodes } = applyProgress(shown, [progressed("a", 0.4), progressed("a", 0.5), progressed("b", 0.9)]);
    expect(nodes).toEqual([{ ...running, progress: 0.5 }, waiting]);
    expect(nodes[1]).toBe(waiting);
    expect(applyProgress(shown, [progressed("other", 0.5)])).toBe(shown);
  });

  it("let the graph be read again when a task of it changes, or a new one may belong to it", () => {
    expect(changesGraph(shown, [event("completed", 1, { task_id: "a" })])).toBe(true);
    expect(changesGraph(shown, [event("submitted", 1, { task_id: "new" })])).toBe(true);
    expect(changesGraph(shown, [event("completed", 1, { task_id: "other" }), progressed("a", 0.5)])).toBe(false);
  });
});

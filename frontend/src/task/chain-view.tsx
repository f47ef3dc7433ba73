"use client";

/** What a task depends on and what depends on it, as a graph of links: from left to right, as the tasks run. */
import Link from "next/link";
import { useEffect, useMemo, useRef } from "react";
import type { TaskGraph } from "@/api/types";
import { ProgressBar } from "@/elements/progress-bar";
import { Section } from "@/elements/section";
import { StateBadge } from "@/elements/state-badge";
import { shortTaskId } from "@/format/task-id";
import { layOut, type Placed } from "./graph-layout";
import { useTaskGraph } from "./use-task-graph";

/** Of a task and of the space to the next one, in pixels. */
const [WIDTH, HEIGHT] = [200, 68];
const [GAP_X, GAP_Y] = [48, 12];
/** Around all of it: room for the outline of what has the focus. */
const MARGIN = 12;
/** Of the head of an arrow. */
const ARROW = 5;

const leftOf = ({ column }: Placed): number => MARGIN + column * (WIDTH + GAP_X);
const topOf = ({ row }: Placed): number => MARGIN + row * (HEIGHT + GAP_Y);

/** Nothing for a task that hangs together with no other. */
export function ChainView({ taskId }: { taskId: string }) {
  const { data: graph } = useTaskGraph(taskId);
  if (!graph || graph.nodes.length < 2) return null;
  return (
    <Section title="Chain">
      {graph.truncated && (
        <p className="text-muted">It hangs together with more tasks: these are the nearest {graph.nodes.length}.</p>
      )}
      <Drawing graph={graph} taskId={taskId} />
    </Section>
  );
}

function Drawing({ graph, taskId }: { graph: TaskGraph; taskId: string }) {
  const box = useRef<HTMLDivElement>(null);
  const placed = useMemo(() => layOut(graph), [graph]);
  const shown = placed.find(({ node }) => node.task_id === taskId);
  const [left, top] = shown ? [leftOf(shown), topOf(shown)] : [0, 0];
  useEffect(() => {
    const { current } = box;
    current?.scrollTo(left - (current.clientWidth - WIDTH) / 2, top - (current.clientHeight - HEIGHT) / 2);
  }, [left, top]);
  const width = Math.max(...placed.map(leftOf)) + WIDTH + MARGIN;
  const height = Math.max(...placed.map(topOf)) + HEIGHT + MARGIN;
  return (
    <div ref={box} className="panel max-h-96 overflow-auto">
      <div className="relative" style={{ width, height }}>
        <svg aria-hidden="true" width={width} height={height} className="absolute inset-0 fill-none stroke-control">
          <path d={edgesOf(placed)} strokeWidth={1.5} strokeLinecap="round" strokeLinejoin="round" />
        </svg>
        <ol>
          {placed.map((each) => (
            <Node key={each.node.task_id} placed={each} isShown={each.node.task_id === taskId} />
          ))}
        </ol>
      </div>
    </div>
  );
}

/** All in one path: there can be thousands. */
function edgesOf(placed: readonly Placed[]): string {
  const places = new Map(placed.map((each) => [each.node.task_id, each]));
  const edges = placed.flatMap((to) => to.dependsOn.map((id) => edgeBetween(places.get(id) ?? to, to)));
  return edges.join("");
}

function edgeBetween(from: Placed, to: Placed): string {
  const [startX, startY] = [leftOf(from) + WIDTH, topOf(from) + HEIGHT / 2];
  const [endX, endY] = [leftOf(to) - 2, topOf(to) + HEIGHT / 2];
  const bend = GAP_X / 2;
  const curve = `M${startX} ${startY}C${startX + bend} ${startY} ${endX - bend} ${endY} ${endX} ${endY}`;
  return `${curve}m${-ARROW} ${-ARROW}l${ARROW} ${ARROW}l${-ARROW} ${ARROW}`;
}

function Node({ placed, isShown }: { placed: Placed; isShown: boolean }) {
  const { task_id, task_type, status, progress } = placed.node;
  return (
    <li className="absolute" style={{ left: leftOf(placed), top: topOf(placed), width: WIDTH, height: HEIGHT }}>
      <Link
        prefetch={false}
        href={`/task/?id=${task_id}`}
        title={task_id}
        aria-current={isShown ? "page" : undefined}
        className="flex h-full flex-col justify-between rounded-md border border-control bg-surface p-2 hover:bg-hover aria-[current]:border-2 aria-[current]:border-accent aria-[current]:p-[7px]"
      >
        <span className="truncate font-medium leading-tight">{task_type}</span>
        <span className="flex items-center justify-between gap-2">
          <span className="whitespace-nowrap font-mono text-muted text-xs">{shortTaskId(task_id)}</span>
          <StateBadge state={status} />
        </span>
        <span aria-hidden="true" className="block">
          <ProgressBar progress={progress} state={status} label="" />
        </span>
        <span className="sr-only">{spokenOf(placed)}</span>
      </Link>
    </li>
  );
}

/** What the bar and the arrows show. */
function spokenOf({ node, dependsOn }: Placed): string {
  const progress = `${Math.round(node.progress * 100)} %`;
  return dependsOn.length > 0 ? `${progress}, after ${dependsOn.map(shortTaskId).join(", ")}` : progress;
}

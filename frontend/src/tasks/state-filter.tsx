import { TASK_STATES, type TaskState } from "@/api/types";
import { STATE_CLASSES } from "@/elements/state-badge";

interface StateFilterProps {
  chosen: TaskState[];
  onChange: (states: TaskState[]) => void;
}

/** Buttons that stay pressed; none pressed means any state. */
export function StateFilter({ chosen, onChange }: StateFilterProps) {
  const toggle = (state: TaskState) =>
    onChange(chosen.includes(state) ? chosen.filter((other) => other !== state) : [...chosen, state]);
  return (
    <fieldset className="flex flex-wrap gap-1">
      <legend className="sr-only">States</legend>
      {TASK_STATES.map((state) => {
        const isChosen = chosen.includes(state);
        return (
          <button
            key={state}
            type="button"
            aria-pressed={isChosen}
            onClick={() => toggle(state)}
            className={`min-h-8 rounded-md border px-2.5 font-medium text-xs ${isChosen ? `border-current ${STATE_CLASSES[state]}` : "border-line bg-surface text-muted hover:bg-hover hover:text-ink"}`}
          >
            {state}
          </button>
        );
      })}
    </fieldset>
  );
}

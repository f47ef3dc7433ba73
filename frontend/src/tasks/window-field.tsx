"use client";

import { useState } from "react";
import { type Filters, WINDOWS } from "./filters";

type Window = Pick<Filters, "window" | "from" | "before">;

interface WindowFieldProps {
  value: Window;
  onChange: (value: Window, how?: "push" | "replace") => void;
}

const OWN = "own";

/** When the tasks were created: a recent window, or two moments on the reader's clock. */
export function WindowField({ value, onChange }: WindowFieldProps) {
  const [isOwn, setOwn] = useState(Boolean(value.from || value.before));
  const choose = (chosen: string) => {
    setOwn(chosen === OWN);
    onChange({ window: chosen === OWN ? "" : chosen, from: "", before: "" });
  };
  return (
    <>
      <select
        aria-label="Created"
        value={isOwn ? OWN : value.window}
        onChange={(event) => choose(event.target.value)}
        className="field"
      >
        <option value="">Any time</option>
        {Object.entries(WINDOWS).map(([key, { name }]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
        <option value={OWN}>From … to …</option>
      </select>
      {isOwn && (
        <>
          <input
            type="datetime-local"
            aria-label="Created from"
            value={value.from}
            onChange={(event) => onChange({ ...value, from: event.target.value }, "replace")}
            className="field"
          />
          <input
            type="datetime-local"
            aria-label="Created before"
            value={value.before}
            onChange={(event) => onChange({ ...value, before: event.target.value }, "replace")}
            className="field"
          />
        </>
      )}
    </>
  );
}

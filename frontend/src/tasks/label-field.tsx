"use client";

import { useState } from "react";
import { isLabel } from "./filters";

interface LabelFieldProps {
  labels: string[];
  onChange: (labels: string[]) => void;
}

/** Labels to filter by: typed as `key=value` and added with Enter. */
export function LabelField({ labels, onChange }: LabelFieldProps) {
  const [text, setText] = useState("");
  const add = () => {
    if (!isLabel(text)) return;
    if (!labels.includes(text)) onChange([...labels, text]);
    setText("");
  };
  const isWrong = text !== "" && !isLabel(text);
  return (
    <form
      className="flex flex-wrap items-center gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <input
        aria-label="Label, as key=value; Enter adds it"
        aria-invalid={isWrong}
        placeholder="label: key=value"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={add}
        className="field w-40 aria-invalid:border-dashed"
      />
      {labels.map((label) => (
        <button
          key={label}
          type="button"
          aria-label={`Remove label ${label}`}
          onClick={() => onChange(labels.filter((other) => other !== label))}
          className="inline-flex min-h-8 max-w-60 items-center gap-1.5 rounded-md border border-accent px-2 font-mono text-accent text-xs hover:bg-hover"
        >
          <span className="truncate">{label}</span>
          <span aria-hidden="true">×</span>
        </button>
      ))}
    </form>
  );
}

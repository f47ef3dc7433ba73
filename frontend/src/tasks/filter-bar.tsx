"use client";

import { useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useState } from "react";
import { taskTypesQuery } from "@/api/queries";
import { type Filters, normalisedId } from "./filters";
import { LabelField } from "./label-field";
import { StateFilter } from "./state-filter";
import { WindowField } from "./window-field";

interface FilterBarProps {
  filters: Filters;
  idField: RefObject<HTMLInputElement | null>;
  onChange: (filters: Filters, how?: "push" | "replace") => void;
}

export function FilterBar({ filters, idField, onChange }: FilterBarProps) {
  const types = useQuery(taskTypesQuery).data ?? [];
  const names = types.map(({ name }) => name);
  const change = (changed: Partial<Filters>, how?: "push" | "replace") => onChange({ ...filters, ...changed }, how);
  return (
    <search aria-label="Filters" className="flex flex-wrap items-center gap-2">
      <StateFilter chosen={filters.states} onChange={(states) => change({ states })} />
      <select
        aria-label="Type"
        value={filters.type}
        onChange={(event) => change({ type: event.target.value })}
        className="field w-44"
      >
        <option value="">Any type</option>
        {filters.type && !names.includes(filters.type) && <option>{filters.type}</option>}
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <WindowField value={filters} onChange={change} />
      <LabelField labels={filters.labels} onChange={(labels) => change({ labels })} />
      <IdField id={filters.id} field={idField} onChange={(id) => change({ id }, "replace")} />
    </search>
  );
}

interface IdFieldProps {
  id: string;
  field: RefObject<HTMLInputElement | null>;
  onChange: (id: string) => void;
}

/** What is typed stays as typed, while the address has only what can be part of an id. */
function IdField({ id, field, onChange }: IdFieldProps) {
  const [text, setText] = useState(id);
  useEffect(() => setText((typed) => (normalisedId(typed) === id ? typed : id)), [id]);
  return (
    <input
      ref={field}
      type="search"
      aria-label="Id, or its beginning"
      placeholder="id begins with…"
      spellCheck={false}
      autoComplete="off"
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        onChange(normalisedId(event.target.value));
      }}
      className="field w-40 grow font-mono text-xs sm:w-76 sm:grow-0"
    />
  );
}

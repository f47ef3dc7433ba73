import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FieldInput } from "@/submit/field-input";
import { fieldsOf } from "@/submit/schema-fields";

const [ROWS, DRAFT, SQL, FORMATS, CHARTS] = fieldsOf({
  properties: {
    rows: { type: "integer", title: "Rows", description: "How many.", minimum: 1, maximum: 2000, default: 10 },
    draft: { type: "boolean", title: "Draft" },
    sql: { type: "string", description: "One `SELECT` of `source`." },
    formats: { type: "array", items: { enum: ["pdf", "html"] }, default: ["pdf"] },
    charts: {
      type: "array",
      items: { type: "object", title: "Chart", required: ["x"], properties: { x: { type: "integer", maximum: 9 } } },
    },
  },
});

afterEach(cleanup);

describe("FieldInput", () => {
  it("tells screen readers what a field means and what is wrong with it", () => {
    if (!ROWS) throw new Error("the schema has this field");
    render(<FieldInput field={ROWS} value="0" error="This must be at least 1." onChange={() => {}} />);
    const input = screen.getByLabelText("Rows");
    const described = input
      .getAttribute("aria-describedby")
      ?.split(" ")
      .map((id) => document.getElementById(id)?.textContent);
    expect(described).toEqual(["How many. 1 to 2,000.", "This must be at least 1."]);
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(input.getAttribute("placeholder")).toBe("10");
  });

  it("lets a boolean without a default be left out", () => {
    if (!DRAFT) throw new Error("the schema has this field");
    const onChange = vi.fn();
    render(<FieldInput field={DRAFT} value="" error={undefined} onChange={onChange} />);
    fireEvent.change(screen.getByLabelText("Draft"), { target: { value: "true" } });
    expect(onChange).toHaveBeenCalledWith("true");
    expect(screen.getByText("not given")).toBeDefined();
  });

  it("shows what stands between backticks as code, and keeps the lines of a text", () => {
    if (!SQL) throw new Error("the schema has this field");
    const { container } = render(
      <FieldInput field={SQL} value={"SELECT 1\nLIMIT 1"} error={undefined} onChange={() => {}} />,
    );
    expect([...container.querySelectorAll("code")].map(({ textContent }) => textContent)).toEqual(["SELECT", "source"]);
    expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Sql" }).value).toBe("SELECT 1\nLIMIT 1");
  });

  it("checks the default of a few, and gives what is checked beside it", () => {
    if (!FORMATS) throw new Error("the schema has this field");
    const onChange = vi.fn();
    render(<FieldInput field={FORMATS} value="" error={undefined} onChange={onChange} />);
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: "pdf" }).checked).toBe(true);
    fireEvent.click(screen.getByLabelText("html"));
    fireEvent.click(screen.getByLabelText("pdf"));
    expect(onChange.mock.calls).toEqual([['["pdf","html"]'], ["[]"]]);
  });

  it("adds to a list of objects, and tells what is wrong inside where it is wrong", () => {
    if (!CHARTS) throw new Error("the schema has this field");
    const onChange = vi.fn();
    const typed = '[{"x":"1"},{"x":"10"}]';
    render(<FieldInput field={CHARTS} value={typed} error="Chart 2, X: This must be at most 9." onChange={onChange} />);
    expect(screen.getByRole("alert").textContent).toBe("This must be at most 9.");
    expect(screen.getAllByLabelText("X *").map((input) => input.getAttribute("aria-invalid"))).toEqual([
      "false",
      "true",
    ]);
    fireEvent.click(screen.getByRole("button", { name: "Remove chart 1" }));
    fireEvent.click(screen.getByRole("button", { name: "Add chart" }));
    expect(onChange.mock.calls).toEqual([['[{"x":"10"}]'], ['[{"x":"1"},{"x":"10"},{}]']]);
  });
});

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FieldInput } from "@/submit/field-input";
import { fieldsOf } from "@/submit/schema-fields";

const [ROWS, DRAFT] = fieldsOf({
  properties: {
    rows: { type: "integer", title: "Rows", description: "How many.", minimum: 1, maximum: 2000, default: 10 },
    draft: { type: "boolean", title: "Draft" },
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
});

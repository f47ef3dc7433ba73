import { describe, expect, it } from "vitest";
import { visibleRows } from "@/tasks/visible-rows";

describe("visibleRows", () => {
  it("is everything of a short page", () => {
    expect(visibleRows(50, 9_000, 900, 40)).toEqual({ from: 0, to: 50 });
  });

  it("is what is in sight and a group around it", () => {
    expect(visibleRows(1_000, 20_000, 900, 40)).toEqual({ from: 475, to: 575 });
  });

  it("ends with the page, also when scrolled beyond it", () => {
    expect(visibleRows(1_000, 90_000, 900, 40)).toEqual({ from: 975, to: 1_000 });
  });
});

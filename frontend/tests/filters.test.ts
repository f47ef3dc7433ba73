import { describe, expect, it } from "vitest";
import { bulkRequest } from "@/tasks/bulk";
import { trailFrom, withTrail } from "@/tasks/cursors";
import {
  addressOf,
  bulkFilterOf,
  cursorBefore,
  filtersFrom,
  listQueryOf,
  NO_FILTERS,
  normalisedId,
} from "@/tasks/filters";
import { TASK_ID } from "./samples";

const NOW = Date.UTC(2026, 10, 24, 10);

describe("filters and the address", () => {
  it("come back from the address as they went in", () => {
    const filters = {
      states: ["failed", "cancelled"] as const,
      type: "default",
      labels: ["team=blue", "note=a=b"],
      window: "",
      from: "2026-11-24T10:00",
      before: "2026-11-24T11:00",
      id: "019ab5c2-7d",
    };
    expect(filtersFrom(addressOf({ ...filters, states: [...filters.states] }))).toEqual(filters);
  });

  it("leave the address empty when there are none", () => {
    expect(addressOf(NO_FILTERS).toString()).toBe("");
  });

  it("leave out what is not valid in an address", () => {
    expect(filtersFrom(new URLSearchParams("status=odd&label=none&created=9y&from=x&id=zz"))).toEqual(NO_FILTERS);
  });
});

describe("what the API is asked", () => {
  it("counts a window back from now", () => {
    const query = listQueryOf({ ...NO_FILTERS, window: "1h", labels: ["a=b"] }, NOW);
    expect(query).toEqual({ created_from: "2026-11-24T09:00:00.000Z", label: ["a=b"] });
  });

  it("reads moments on the reader's clock", () => {
    const query = listQueryOf({ ...NO_FILTERS, from: "2026-11-24T10:00" }, NOW);
    expect(query).toEqual({ created_from: "2026-11-24T09:00:00.000Z" });
  });

  it("gives labels as an object to a bulk call", () => {
    expect(bulkFilterOf({ ...NO_FILTERS, labels: ["note=a=b"] }, NOW)).toEqual({ labels: { note: "a=b" } });
  });

  it("names the states that can change where there is no other condition", () => {
    expect(bulkRequest("retry", {})).toEqual({ status: ["failed", "cancelled"] });
  });
});

describe("ids", () => {
  it("are found in what was pasted around them", () => {
    expect(normalisedId(` ${TASK_ID.toUpperCase()} `)).toBe(TASK_ID);
  });

  it("that begin so come after a cursor with the greatest rest", () => {
    expect(cursorBefore("019ab5c2-7d")).toBe("019ab5c2-7dff-ffff-ffff-ffffffffffff");
  });

  it("that are whole come after the next greater one", () => {
    expect(cursorBefore(TASK_ID)).toBe("019ab5c2-7d1e-7a33-9c54-2f6f0d1be0a8");
  });
});

describe("the trail of pages", () => {
  it("comes back from the address as it went in, beside the filters", () => {
    const address = withTrail(new URLSearchParams("type=default"), [TASK_ID, TASK_ID]);
    expect(trailFrom(address)).toEqual([TASK_ID, TASK_ID]);
    expect(address.get("type")).toBe("default");
  });

  it("forgets pages that are very far back", () => {
    const trail = Array.from({ length: 50 }, () => TASK_ID);
    expect(trailFrom(withTrail(new URLSearchParams(), trail))).toHaveLength(20);
  });
});

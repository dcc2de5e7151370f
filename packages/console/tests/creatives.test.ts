import { describe, expect, test } from "vitest";
import { applyChange, type Creative, type CreativeList } from "../src/api/creatives.ts";

const creative = (key: string, change: Partial<Creative> = {}): Creative => ({
  zone: "1",
  key,
  creativeUrl: `https://ads.example/${key}.mp4`,
  state: "queued",
  progress: 0,
  attempts: 0,
  packages: [],
  refused: [],
  renditions: [],
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  ...change,
});

const LIST: CreativeList = { creatives: [creative("a"), creative("b")], total: 40 };

function keys({ creatives, total }: CreativeList): string {
  return `${creatives.map(({ key, state }) => `${key}:${state}`).join(" ")} of ${total}`;
}

describe("the list of creatives, when one changes", () => {
  test("shows it changed at its place", () => {
    expect(keys(applyChange(LIST, creative("b", { state: "ready" }), {}))).toBe("a:queued b:ready of 40");
  });

  test("shows a new one first, a creative of another zone with the same key too", () => {
    expect(keys(applyChange(LIST, creative("c"), {}))).toBe("c:queued a:queued b:queued of 41");
    expect(keys(applyChange(LIST, creative("a", { zone: "2" }), {}))).toBe("a:queued a:queued b:queued of 41");
  });

  test("loses one that is forgotten, or that the filter takes no longer", () => {
    expect(keys(applyChange(LIST, creative("a", { state: "absent" }), {}))).toBe("b:queued of 39");
    expect(keys(applyChange(LIST, creative("a", { state: "ready" }), { state: "queued" }))).toBe("b:queued of 39");
  });

  test("stays as it is for one that the filter does not take", () => {
    for (const filter of [{ zone: "2" }, { state: "failed" }, { url: "/x" }]) {
      expect(applyChange(LIST, creative("c"), filter)).toBe(LIST);
    }
    expect(keys(applyChange(LIST, creative("c"), { url: "example/c" }))).toBe("c:queued a:queued b:queued of 41");
  });
});

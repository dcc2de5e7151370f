/** What becomes of the address that a worker's text has. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { startWorker } from "../../src/remux/start-worker.ts";

const created: string[] = [];
const revoked: string[] = [];

function stubPage(worker: unknown): void {
  const create = URL.createObjectURL.bind(URL);
  const revoke = URL.revokeObjectURL.bind(URL);
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    const url = create(blob);
    created.push(url);
    return url;
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => {
    revoked.push(url);
    revoke(url);
  });
  vi.stubGlobal("Worker", worker);
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  created.length = 0;
  revoked.length = 0;
});

/** A `Worker` that is told what it does. */
class FakeWorker extends EventTarget {
  static last: FakeWorker | undefined;
  isEnded = false;

  constructor() {
    super();
    FakeWorker.last = this;
  }

  postMessage(): void {}

  terminate(): void {
    this.isEnded = true;
  }
}

const ignore = (): void => undefined;

describe("startWorker", () => {
  test.each<[string, () => void]>([
    ["it has said something", () => FakeWorker.last?.dispatchEvent(new MessageEvent("message"))],
    ["it has failed", () => FakeWorker.last?.dispatchEvent(new Event("error"))],
  ])("lets go of its text as soon as %s", (_, happen) => {
    stubPage(FakeWorker);
    startWorker("self", ignore, ignore);
    expect(revoked).toEqual([]);
    happen();
    expect(revoked).toEqual(created);
    expect(revoked).toHaveLength(1);
  });

  test("lets go of its text when it is ended before it has said anything", () => {
    stubPage(FakeWorker);
    startWorker("self", ignore, ignore).end();
    expect(revoked).toEqual(created);
    expect(FakeWorker.last?.isEnded).toBe(true);
  });

  test("lets go of its text where the page's policy forbids the worker at once", () => {
    stubPage(function ForbiddenWorker() {
      throw new Error("SecurityError");
    });
    expect(() => startWorker("self", ignore, ignore)).toThrow("SecurityError");
    expect(created).toHaveLength(1);
    expect(revoked).toEqual(created);
  });
});

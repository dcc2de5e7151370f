import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ClockedMedia, createEdgeWatch } from "../../src/viewing/edge-watch.ts";

const playing: ClockedMedia = { currentTime: 9.8, playbackRate: 1, paused: false, seeking: false };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The edges told within a second of the clock. */
function listTold(media: ClockedMedia, edges: readonly number[]): readonly number[] {
  const told: number[] = [];
  createEdgeWatch().set(media, edges, (edge) => told.push(edge));
  vi.advanceTimersByTime(1000);
  return told;
}

describe("createEdgeWatch", () => {
  test("tells of an edge a frame before it is reached", () => {
    const told: number[] = [];
    createEdgeWatch().set(playing, [10], (edge) => told.push(edge));
    vi.advanceTimersByTime(165);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(told).toEqual([10]);
  });

  test("counts the clock by the rate: at double speed an edge comes twice as early", () => {
    const told: number[] = [];
    createEdgeWatch().set({ ...playing, currentTime: 9.2, playbackRate: 2 }, [10], (edge) => told.push(edge));
    vi.advanceTimersByTime(365);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(told).toEqual([10]);
  });

  test("edges behind and far ahead are left alone", () => {
    expect(listTold(playing, [9, 9.8, 10.4])).toEqual([]);
  });

  test("a picture that stands still, or is being moved, reaches nothing", () => {
    expect(listTold({ ...playing, paused: true }, [10])).toEqual([]);
    expect(listTold({ ...playing, seeking: true }, [10])).toEqual([]);
  });

  test("the next frame says anew which edge it is", () => {
    const told: number[] = [];
    const watch = createEdgeWatch();
    watch.set(playing, [10], (edge) => told.push(edge));
    watch.set(playing, [], (edge) => told.push(edge));
    vi.advanceTimersByTime(1000);
    watch.set(playing, [10], (edge) => told.push(edge));
    watch.clear();
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([]);
  });
});

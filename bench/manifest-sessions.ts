/** Fills the store of sessions in memory, and tells its parent what one takes: bytes, of the heap and outside of it. */
import { createMemorySessions } from "../packages/server/src/manifest/session/session-memory.ts";
import {
  sampleBreakTimeline,
  sampleDecision,
  sampleSession,
} from "../packages/server/tests/manifest/session-samples.ts";

function readMemory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const count = Number(process.argv[2]);
const store = createMemorySessions({ maxSessions: count, idleMs: 1e9, now: Date.now });
const before = readMemory();
for (let index = 0; index < count; index++) {
  const session = sampleSession();
  await store.create(session);
  await store.decide(session.id, sampleDecision());
  await store.saveTrack(session.id, "2000:abcdefghijk", sampleBreakTimeline(1000 + (index % 100), 6));
}
const bytes = (readMemory() - before) / count;
if ((await store.count()) !== count) throw new Error(`bench: expected ${count} sessions, got ${await store.count()}`);
process.send?.(bytes);
process.disconnect();

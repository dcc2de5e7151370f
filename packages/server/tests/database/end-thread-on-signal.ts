/** Loaded into a process before its program: at SIGUSR2 its threads end, as by exhausted memory. */
import type { Worker } from "node:worker_threads";

process.on("worker", (worker: Worker) => {
  process.on("SIGUSR2", () => void worker.terminate());
});

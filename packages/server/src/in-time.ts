/** An answer that is waited for no longer than it may take; the work itself goes on. */
import { AdError } from "@interlude/core";

/** @throws AdError `upstream-timeout`, which calls the one who is late `name` */
export async function inTime<Answer>(answer: Promise<Answer>, name: string, timeoutMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${name}: expected an answer within ${timeoutMs} ms, got none`;
    timer = setTimeout(() => reject(new AdError("upstream-timeout", message)), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

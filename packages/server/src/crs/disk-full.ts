/** How a disk without room is known, whoever met it. */

const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);
/** As the C library says it, for ENOSPC and EDQUOT; ffmpeg repeats it. */
export const FULL_TEXT: RegExp = /No space left on device|Disk quota exceeded/;

/** Whether an error, or what caused it, is a disk that has no room left: Node's own, or what ffmpeg says in a message. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && FULL.has(error.code)) || FULL_TEXT.test(error.message) || isDiskFull(error.cause);
}

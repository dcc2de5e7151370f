/**
 * Answers that were given a moment ago, for what is asked again and again.
 *
 * What is under way is not asked a second time; what failed is.
 */
export function keepRecent<T>(
  ask: (path: string) => Promise<T>,
  lifeMs: number,
  now: () => number,
): (path: string) => Promise<T> {
  const kept = new Map<string, { readonly at: number; readonly answer: Promise<T> }>();
  return async (path) => {
    for (const [old, { at }] of kept) if (at <= now() - lifeMs) kept.delete(old);
    const found = kept.get(path);
    if (found) return found.answer;
    const answer = ask(path);
    kept.set(path, { at: now(), answer });
    answer.catch(() => kept.delete(path));
    return answer;
  };
}

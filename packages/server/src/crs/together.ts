/** Runs two tasks at once; the failure of either ends the other, so that nothing goes on writing into a folder that is given up. */
export async function together<A, B>(
  signal: AbortSignal,
  a: (signal: AbortSignal) => Promise<A>,
  b: (signal: AbortSignal) => Promise<B>,
): Promise<readonly [A, B]> {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const endOther = (error: unknown): never => {
    end.abort(error);
    throw error;
  };
  const started = [a(both).catch(endOther), b(both).catch(endOther)] as const;
  try {
    return await Promise.all(started);
  } finally {
    await Promise.allSettled(started);
  }
}

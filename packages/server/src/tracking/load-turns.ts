/** Works that take turns: one at a time, in the order in which they were asked for. Who asks for one that waits for its turn shares it. */
export function createTurns(): <T>(work: () => Promise<T>) => () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>) => {
    let next: Promise<T> | undefined;
    return () => {
      if (next) return next;
      const begun = last.then(() => {
        next = undefined;
        return work();
      });
      next = begun;
      last = begun.catch(() => undefined);
      return begun;
    };
  };
}

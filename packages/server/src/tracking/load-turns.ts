/** Works that take turns: one at a time, in the order in which they were asked for. Who asks for one that waits for its turn shares it. */
export function createTurns(): (work: () => Promise<void>) => () => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    let next: Promise<void> | undefined;
    return () => {
      if (next) return next;
      const begun = last.then(async () => {
        next = undefined;
        await work();
      });
      next = begun;
      last = begun.catch(() => undefined);
      return begun;
    };
  };
}

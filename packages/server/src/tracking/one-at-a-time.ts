/** For what would take all of something that others need as well. */
export type OneAtATime = <T>(run: () => Promise<T>) => Promise<T>;

/** Each begins when the one before it has ended, however that ended. */
export function createOneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const turn = last.then(run);
    last = turn.catch(() => undefined);
    return turn;
  };
}

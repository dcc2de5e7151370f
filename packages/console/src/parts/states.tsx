/** What a page shows while there is nothing to show: waiting, a complaint, no rows yet. */
import type { ComponentChildren, JSX } from "preact";
import type { Load } from "../load.ts";

export function Loaded<T>({
  load,
  again,
  children,
}: {
  readonly load: Load<T>;
  readonly again: () => void;
  readonly children: (value: T) => ComponentChildren;
}): JSX.Element {
  if (load.state === "loading") return <Waiting />;
  if (load.state === "failed") return <Complaint message={load.message} again={again} />;
  return (
    <div class="loaded" aria-busy={load.isStale}>
      {children(load.value)}
    </div>
  );
}

export function Waiting(): JSX.Element {
  return (
    <p class="state waiting" role="status">
      Loading…
    </p>
  );
}

export function Complaint({ message, again }: { readonly message: string; readonly again?: () => void }): JSX.Element {
  return (
    <div class="state complaint" role="alert">
      <p>{message}</p>
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="state empty">{children}</p>;
}

/** Where this browser's visitor was in each film: seconds of content, which ads do not move. */
import type { Content } from "./catalog.ts";
import { member } from "./json.ts";

/** Seconds: who has seen less begins anew. */
const LEAST = 5;
/** Seconds: who has no more left than this is through. */
const LEFT = 3;
const KEY = "interlude.positions";

export interface Positions {
  /** 0: nothing to resume, as always in live. */
  readonly read: (content: Content) => number;
  /** Live keeps none; a film that is through, or was barely begun, has none any more. */
  readonly keep: (content: Content, second: number) => void;
}

/** @param storage undefined, or one that throws (a browser may forbid it): positions last as long as the page */
export function createPositions(storage: Pick<Storage, "getItem" | "setItem"> | undefined): Positions {
  let known: Readonly<Record<string, number>> = {};
  const load = (): Readonly<Record<string, number>> => {
    try {
      return storage ? readKnown(storage.getItem(KEY)) : known;
    } catch {
      return known;
    }
  };
  return {
    read: (content) => selectPosition(content, load()[content.id] ?? 0),
    keep: (content, second) => {
      if (content.isLive) return;
      const { [content.id]: _old, ...others } = load();
      const position = selectPosition(content, second);
      known = position === 0 ? others : { ...others, [content.id]: position };
      try {
        storage?.setItem(KEY, JSON.stringify(known));
      } catch {
        // full or forbidden: it is kept in `known`
      }
    },
  };
}

function selectPosition({ isLive, duration }: Content, second: number): number {
  return isLive || !(second >= LEAST) || second > duration - LEFT ? 0 : second;
}

/** @throws SyntaxError for what is no JSON */
function readKnown(text: string | null): Readonly<Record<string, number>> {
  const value: unknown = JSON.parse(text ?? "{}");
  const names = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const entries = names.flatMap((name): readonly (readonly [string, number])[] => {
    const second = member(value, name);
    return typeof second === "number" ? [[name, second]] : [];
  });
  return Object.fromEntries(entries);
}

/** The browser's own storage; undefined where it forbids even to ask for it. */
export function findStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

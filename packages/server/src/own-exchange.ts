/**
 * Requests that this process makes of itself without the network: for whom, and under which address the outer request came in. None of
 * it is told by headers, which anybody may send: they hold the number of the exchange alone, which is a secret while it lasts.
 */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Why this server asks itself. */
export interface OwnExchange {
  /** Addresses in the answer start with it; its path is `/`. */
  readonly baseUrl: URL;
  /** undefined: not for the relay. */
  readonly relayed?: RelayedExchange | undefined;
}

/** The request that the relay was asked: what is offered for it is noted and tracked there. */
export interface RelayedExchange {
  /** Whose tag it is. */
  readonly upstream: string;
  readonly zone: string;
  readonly session: string;
  /** Stands for the session in tracking where that is empty. */
  readonly serving: string;
  /** undefined: a map was asked for, and what is asked next says which of its breaks. */
  readonly breakId: string | undefined;
  /** Of the first ad in its pod, from 1. */
  readonly position: number;
}

const HEADER = "x-interlude-own";

/** Of the process, as its memory is: what is in here never leaves it. */
const underWay = new Map<string, OwnExchange>();

/** Runs `ask` with the headers by which this process knows the exchange until it ends. */
export async function asOwnExchange<Answer>(
  exchange: OwnExchange,
  ask: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
): Promise<Answer> {
  const id = randomUUID();
  underWay.set(id, exchange);
  try {
    return await ask({ [HEADER]: id });
  } finally {
    underWay.delete(id);
  }
}

/** undefined: the request came from outside. */
export function readOwnExchange(headers: IncomingHttpHeaders): OwnExchange | undefined {
  const id = headers[HEADER];
  return typeof id === "string" ? underWay.get(id) : undefined;
}

/** A server with a clock of its own, what viewers and servers tell it, and its reports. */
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { expect } from "vitest";
import type { Queryable } from "../../src/database/queryable.ts";
import type { NotedEvent } from "../../src/noted-event.ts";
import { testApp, testConfig, testTracking, TOKEN } from "../http/test-app.ts";
import { BROWSER } from "./browser.ts";
import { signQuery } from "./sign-query.ts";

export type Line = Readonly<Record<string, unknown>>;

export interface ReportWorld {
  readonly app: FastifyInstance;
  /** The day of the clock is 2026-11-21. */
  readonly at: (time: string) => void;
  /** `/track/{event}?…` from a browser, sealed where the query has no `sig`: an empty one leaves it without. */
  readonly track: (event: string, query: string, headers?: Readonly<Record<string, string>>) => Promise<void>;
  readonly note: (event: NotedEvent) => void;
  /** Like an operator who takes his time: five seconds after the request before. */
  readonly ask: (query: string, headers?: Readonly<Record<string, string>>) => Promise<LightMyRequestResponse>;
  readonly rows: (query: string) => Promise<readonly Line[]>;
}

export async function reportWorld(query: Queryable["query"]): Promise<ReportWorld> {
  let time = Date.parse("2026-11-21T10:00:00Z");
  let asked = 0;
  const now = (): number => time + asked * 5_000;
  const tracking = testTracking({ query, now });
  const app = await testApp({ query, now, tracking });
  const ask: ReportWorld["ask"] = async (search, headers = {}) => {
    asked += 1;
    return app.inject({ url: `/report?${search}`, headers: { authorization: `Bearer ${TOKEN}`, ...headers } });
  };
  return {
    app,
    at: (text) => {
      time = Date.parse(text) - asked * 5_000;
    },
    track: async (event, search, headers = BROWSER) => {
      const sealed = /(?:^|&)sig=/.test(search) ? search : signQuery(event, search, testConfig().ticketSecret);
      const { statusCode } = await app.inject({ url: `/track/${event}?${sealed}`, headers });
      expect(statusCode).toBe(204);
    },
    note: tracking.note,
    ask,
    rows: async (search) => {
      const answer = await ask(search);
      expect([answer.statusCode, answer.statusCode === 200 ? "" : answer.body]).toEqual([200, ""]);
      expect(answer.json().isComplete).toBe(true);
      return answer.json().rows;
    },
  };
}

/** Of each row, those members. */
export function pick(rows: readonly Line[], ...names: readonly string[]): readonly (readonly unknown[])[] {
  return rows.map((row) => names.map((name) => row[name]));
}

/** What an operator may do about a creative. What loses something is asked for twice. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Api } from "../api/client.ts";
import { type Creative, creativePath } from "../api/creatives.ts";
import { describe } from "../load.ts";
import { formatRoute } from "../route.ts";

interface Action {
  readonly name: string;
  /** undefined: it is done at once. */
  readonly question: string | undefined;
  readonly run: () => Promise<void>;
}

export function CreativeActions({ api, creative }: { readonly api: Api; readonly creative: Creative }): JSX.Element {
  const [asked, setAsked] = useState<Action>();
  const [isBusy, setBusy] = useState(false);
  const [complaint, setComplaint] = useState<string>();
  const run = async (action: Action): Promise<void> => {
    setAsked(undefined);
    setBusy(true);
    setComplaint(undefined);
    await action.run().catch((error: unknown) => setComplaint(describe(error)));
    setBusy(false);
  };
  return (
    <div class="actions">
      {asked ? (
        <>
          <p role="alert">{asked.question}</p>
          <button class="danger" type="button" onClick={() => void run(asked)}>
            {asked.name}
          </button>
          <button type="button" onClick={() => setAsked(undefined)}>
            Keep it
          </button>
        </>
      ) : (
        listActions(api, creative).map((action) => (
          <button
            key={action.name}
            type="button"
            disabled={isBusy}
            onClick={() => (action.question === undefined ? void run(action) : setAsked(action))}
          >
            {action.name}
          </button>
        ))
      )}
      {complaint !== undefined && (
        <p class="complaint-text" role="alert">
          {complaint}
        </p>
      )}
    </div>
  );
}

function listActions(api: Api, creative: Creative): readonly Action[] {
  const path = creativePath(creative);
  const cdns = [...new Set(creative.packages.flatMap((one) => one.cdns))].toSorted();
  const canRetry = creative.state === "failed" || creative.state === "blocked";
  return [
    ...(canRetry ? [{ name: "Try again", question: undefined, run: () => api.send("POST", `${path}/retry`) }] : []),
    ...cdns.map((cdn) => ({
      name: `Take from CDN ${cdn}`,
      question: `Take it from CDN ${cdn}? It comes back there when it is asked for again.`,
      run: () => api.send("DELETE", `${path}/cdns/${encodeURIComponent(cdn)}`),
    })),
    {
      name: "Forget",
      question: "Forget it, with all that was made of it, on every CDN? The next viewer is the first one again.",
      run: async () => {
        await api.send("DELETE", path);
        location.hash = formatRoute(["creatives"]);
      },
    },
  ];
}

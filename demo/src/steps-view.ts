/** Draws the numbered steps. Each list item tells its state, branch, status and milliseconds in `data-` attributes as well. */
import { create, find, setText } from "./elements.ts";
import { formatAddress, formatMs } from "./format.ts";
import { type StepState, STEPS, type StepView } from "./steps.ts";

const STATE_TEXT: Readonly<Record<StepState, string>> = {
  idle: "not yet",
  active: "under way",
  done: "done",
  failed: "failed",
  unneeded: "not needed",
};

interface Item {
  readonly root: HTMLLIElement;
  readonly state: HTMLElement;
  readonly request: HTMLElement;
  readonly address: HTMLElement;
  readonly outcome: HTMLElement;
}

export interface StepsView {
  readonly render: (views: readonly StepView[]) => void;
}

export function createStepsView(): StepsView {
  const list = find("steps", HTMLOListElement);
  const announcer = find("announcer", HTMLParagraphElement);
  const items = STEPS.map(createItem);
  list.replaceChildren(...items.map(({ root }) => root));
  let said = "";

  return {
    render: (views) => {
      for (const [index, view] of views.entries()) {
        const item = items[index];
        if (item) renderItem(item, view);
      }
      const last = views.findLast(({ state }) => state === "active" || state === "failed" || state === "done");
      const text = last ? `Step ${last.step}${last.part ?? ""}: ${STATE_TEXT[last.state]}` : "";
      if (text !== said) setText(announcer, text);
      said = text;
    },
  };
}

function createItem({ step, title, parts }: (typeof STEPS)[number]): Item {
  const state = create("span", "hidden");
  const address = create("span", "address");
  const outcome = create("span", "outcome");
  const request = create("p", "request", address, outcome);
  const branches = parts.map(({ part, text }) => {
    const branch = create("li", "", create("b", "", part), ` ${text}`);
    branch.dataset["part"] = part;
    return branch;
  });
  const body = create("div", "body", create("p", "title", title, " ", state), request);
  if (branches.length > 0) request.before(create("ul", "parts", ...branches));
  const root = create("li", "", create("span", "number", String(step)), body);
  root.dataset["step"] = String(step);
  return { root, state, request, address, outcome };
}

function renderItem({ root, state, request, address, outcome }: Item, view: StepView): void {
  const { dataset } = root;
  dataset["state"] = view.state;
  setData(dataset, "part", view.part);
  setData(dataset, "status", view.status);
  setData(dataset, "ms", view.ms === undefined ? undefined : Math.round(view.ms));
  setData(dataset, "url", view.url);
  setData(dataset, "breaks", view.breaks.length || undefined);
  setText(state, `(${STATE_TEXT[view.state]})`);
  setText(address, isAnswer(view) || view.url === undefined ? "" : formatRequest(view.method, view.url));
  const times = view.breaks.length > 1 ? `${view.breaks.length} breaks` : undefined;
  const ms = view.ms === undefined ? undefined : formatMs(view.ms);
  setText(outcome, [times, view.status, ms].filter((part) => part !== undefined).join(" · "));
  request.title = view.url ?? "";
  for (const branch of root.querySelectorAll<HTMLElement>("[data-part]"))
    branch.classList.toggle("taken", view.part !== undefined && branch.dataset["part"] === view.part);
}

/** Steps 2 and 5 are told by the answer to the request of the step before. */
function isAnswer({ step }: StepView): boolean {
  return step === 2 || step === 5;
}

function formatRequest(method: string | undefined, url: string): string {
  return `${method ?? ""} ${formatAddress(url, location.origin)}`;
}

function setData(dataset: DOMStringMap, name: string, value: string | number | undefined): void {
  if (value === undefined) delete dataset[name];
  else dataset[name] = String(value);
}

/** Draws the numbered steps. Each list item tells its state, branches, status and milliseconds in `data-` attributes as well. */
import { create, find, setText } from "./elements.ts";
import { formatAddress, formatMs } from "./format.ts";
import type { StepState, StepText, StepView } from "./step.ts";

const STATE_TEXT: Readonly<Record<StepState, string>> = {
  idle: "not yet",
  active: "under way",
  done: "done",
  failed: "failed",
  unneeded: "not needed",
};

interface Item {
  readonly root: HTMLLIElement;
  readonly body: HTMLElement;
  readonly state: HTMLElement;
  readonly request: HTMLElement;
  readonly address: HTMLElement;
  readonly outcome: HTMLElement;
  readonly facts: HTMLUListElement;
  readonly isAnswer: boolean;
}

export interface StepsView {
  /** @param texts another list than before is drawn anew */
  readonly render: (texts: readonly StepText[], views: readonly StepView[]) => void;
  /** Puts an element below what a step tells, which stays there until another list is drawn. */
  readonly append: (step: number, element: HTMLElement) => void;
}

export function createStepsView(): StepsView {
  const list = find("steps", HTMLOListElement);
  const announcer = find("announcer", HTMLParagraphElement);
  let items: readonly Item[] = [];
  let drawn: readonly StepText[] = [];
  let said = "";
  const draw = (texts: readonly StepText[]): void => {
    if (texts === drawn) return;
    drawn = texts;
    items = texts.map(createItem);
    list.replaceChildren(...items.map(({ root }) => root));
  };

  return {
    render: (texts, views) => {
      draw(texts);
      for (const [index, view] of views.entries()) {
        const item = items[index];
        if (item) renderItem(item, view);
      }
      const last = views.findLast(({ state }) => state === "active" || state === "failed" || state === "done");
      const text = last ? `Step ${last.step}${last.parts.join("")}: ${STATE_TEXT[last.state]}` : "";
      if (text !== said) setText(announcer, text);
      said = text;
    },
    append: (step, element) => {
      const body = items[step - 1]?.body;
      if (body && element.parentElement !== body) body.append(element);
    },
  };
}

function createItem({ step, title, parts = [], isAnswer = false }: StepText): Item {
  const state = create("span", "hidden");
  const address = create("span", "address");
  const outcome = create("span", "outcome");
  const request = create("p", "request", address, outcome);
  const facts = create("ul", "facts");
  const branches = parts.map(({ part, text }) => {
    const branch = create("li", "", create("b", "", part), ` ${text}`);
    branch.dataset["part"] = part;
    return branch;
  });
  const body = create("div", "body", create("p", "title", title, " ", state), request, facts);
  if (branches.length > 0) request.before(create("ul", "parts", ...branches));
  const root = create("li", "", create("span", "number", String(step)), body);
  root.dataset["step"] = String(step);
  return { root, body, state, request, address, outcome, facts, isAnswer };
}

function renderItem({ root, state, request, address, outcome, facts, isAnswer }: Item, view: StepView): void {
  const { dataset } = root;
  dataset["state"] = view.state;
  setData(dataset, "part", view.parts.join("") || undefined);
  setData(dataset, "status", view.status);
  setData(dataset, "ms", view.ms === undefined ? undefined : Math.round(view.ms));
  setData(dataset, "url", view.url);
  setData(dataset, "breaks", view.breaks.length || undefined);
  setText(state, `(${STATE_TEXT[view.state]})`);
  setText(address, isAnswer || view.url === undefined ? "" : formatRequest(view.method, view.url));
  const times = view.breaks.length > 1 ? `${view.breaks.length} breaks` : undefined;
  const ms = view.ms === undefined ? undefined : formatMs(view.ms);
  setText(outcome, [times, view.status, ms].filter((part) => part !== undefined).join(" · "));
  request.title = view.url ?? "";
  renderFacts(facts, view.facts);
  for (const branch of root.querySelectorAll<HTMLElement>("[data-part]"))
    branch.classList.toggle("taken", view.parts.includes(branch.dataset["part"] ?? ""));
}

function renderFacts(list: HTMLUListElement, facts: readonly string[]): void {
  const isSame =
    list.children.length === facts.length && facts.every((fact, i) => list.children[i]?.textContent === fact);
  if (!isSame) list.replaceChildren(...facts.map((fact) => create("li", "", fact)));
}

function formatRequest(method: string | undefined, url: string): string {
  return `${method ?? ""} ${formatAddress(url, location.origin)}`;
}

function setData(dataset: DOMStringMap, name: string, value: string | number | undefined): void {
  if (value === undefined) delete dataset[name];
  else dataset[name] = String(value);
}

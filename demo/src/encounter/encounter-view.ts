/** Draws first encounters: the three buttons, the clock with what it came to, the results side by side, the totals. */
import type { EncounterStep } from "@interlude/core";
import { create, find, setText } from "../elements.ts";
import {
  countEncounters,
  describeResult,
  type Encounter,
  measureStart,
  type Result,
  tellEncounter,
} from "./encounter.ts";

/** The buttons as radio buttons that act when pressed: arrow keys, Home and End move between them, Enter and Space press. */
export interface ChoiceView {
  /** Marks one as chosen, which alone is in the tab order. */
  readonly render: (chosen: EncounterStep) => void;
}

const STEPS: readonly { readonly step: EncounterStep; readonly title: string; readonly text: string }[] = [
  { step: "skip", title: "Skip", text: "the film plays without the ad" },
  { step: "wait", title: "Wait", text: "for the first copy that CRS makes" },
  { step: "remux", title: "Remux", text: "the page makes the copy itself" },
];

/** @param onPress also when the chosen one is pressed again */
export function createChoiceView(onPress: (step: EncounterStep) => void): ChoiceView {
  const buttons = STEPS.map(({ step, title, text }) => {
    const button = create("button", "", create("b", "", title), create("span", "", text));
    button.type = "button";
    button.setAttribute("role", "radio");
    button.dataset["step"] = step;
    button.addEventListener("click", () => onPress(step));
    return { step, button };
  });
  for (const [index, { button }] of buttons.entries()) {
    const [before, after] = [buttons.at(index - 1), buttons[(index + 1) % buttons.length]];
    const keys: Readonly<Record<string, typeof before>> = {
      ArrowLeft: before,
      ArrowUp: before,
      ArrowRight: after,
      ArrowDown: after,
      Home: buttons[0],
      End: buttons.at(-1),
    };
    button.addEventListener("keydown", (event) => {
      const target = keys[event.key];
      if (!target) return;
      event.preventDefault();
      target.button.focus();
    });
  }
  find("encounter-choice", HTMLDivElement).replaceChildren(...buttons.map(({ button }) => button));
  return {
    render: (chosen) => {
      for (const { step, button } of buttons) {
        button.setAttribute("aria-checked", String(step === chosen));
        button.tabIndex = step === chosen ? 0 : -1;
      }
    },
  };
}

const ROWS: readonly { readonly name: keyof Result; readonly title: string }[] = [
  { name: "ad", title: "Ad" },
  { name: "firstFrame", title: "First frame" },
  { name: "impression", title: "Impression" },
  { name: "reason", title: "Reason" },
];

export interface OutcomeView {
  /** @param encounters all of this visit, the latest last; the clock runs as long as that one is undecided */
  readonly render: (encounters: readonly Encounter[]) => void;
}

export function createOutcomeView(): OutcomeView {
  const story = find("encounter-story", HTMLElement);
  const clock = find("encounter-clock", HTMLSpanElement);
  const cells = STEPS.map(({ step }) => ({ step, row: ROWS.map(() => create("td")) }));
  const head = create("tr", "", create("td"), ...STEPS.map(({ title }) => createHeader("col", title)));
  const body = ROWS.map(({ title }, index) =>
    create("tr", "", createHeader("row", title), ...cells.flatMap(({ row }) => row[index] ?? [])),
  );
  find("encounter-results", HTMLTableElement).append(create("thead", "", head), create("tbody", "", ...body));
  let latest: Encounter | undefined;

  const renderClock = (): void => setText(clock, formatClock(latest));
  const tick = (): void => {
    renderClock();
    if (isRunning(latest)) requestAnimationFrame(tick);
  };
  return {
    render: (encounters) => {
      const wasRunning = isRunning(latest);
      latest = encounters.at(-1);
      const { tone, now, next } = tellEncounter(latest);
      Object.assign(story.dataset, { tone, step: latest?.step ?? "", end: latest?.end ?? "" });
      setText(find("encounter-now", HTMLElement), now);
      setText(find("encounter-next", HTMLSpanElement), next);
      if (isRunning(latest) && !wasRunning) tick();
      else renderClock();
      for (const { step, row } of cells)
        renderColumn(
          row,
          encounters.findLast((one) => one.step === step),
        );
      renderTotals(encounters);
    },
  };
}

function createHeader(scope: "row" | "col", title: string): HTMLTableCellElement {
  const header = create("th", "", title);
  header.scope = scope;
  return header;
}

/** From the answer until something is on screen, or the ad is lost. */
function isRunning(encounter: Encounter | undefined): boolean {
  if (!encounter || encounter.isFilmLost || encounter.answeredAt === undefined) return false;
  return encounter.shownAt === undefined && encounter.end === undefined;
}

function formatClock(encounter: Encounter | undefined): string {
  if (!encounter || encounter.isFilmLost || encounter.answeredAt === undefined) return "–";
  const { end, answeredAt } = encounter;
  if (end !== undefined && end !== "played") return "no frame";
  return `${measureStart(encounter) ?? Math.max(0, Math.round(performance.now() - answeredAt))} ms`;
}

function renderColumn(cells: readonly HTMLTableCellElement[], encounter: Encounter | undefined): void {
  const result = describeResult(encounter);
  for (const [index, { name }] of ROWS.entries()) {
    const cell = cells[index];
    if (!cell) continue;
    setText(cell, result[name]);
    cell.dataset["result"] = result[name];
  }
}

function renderTotals(encounters: readonly Encounter[]): void {
  const { offered, played, saved, fillRate } = countEncounters(encounters);
  setText(find("total-offered", HTMLElement), String(offered));
  setText(find("total-played", HTMLElement), String(played));
  setText(find("total-fill", HTMLElement), fillRate === undefined ? "–" : `${Math.round(fillRate * 100)} %`);
  setText(find("total-saved", HTMLElement), String(saved));
}

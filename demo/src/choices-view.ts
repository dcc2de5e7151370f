/** The choices, as radio buttons that the keyboard knows. */
import type { Content, CreativeChoice } from "./catalog.ts";
import { POLICIES } from "./policy.ts";
import type { Choice } from "./choice.ts";
import { create, find, setText } from "./elements.ts";

/** The CDNs that the server has when it is embedded. */
const CDNS: readonly string[] = ["a", "b"];

export interface Choices {
  readonly contents: readonly Content[];
  readonly creatives: readonly CreativeChoice[];
}

/** Draws the choices into the form; `onChoose` gets each new choice whole. */
export function renderChoices(
  form: HTMLFormElement,
  { contents, creatives }: Choices,
  first: Choice,
  onChoose: (choice: Choice) => void,
): void {
  let choice = first;
  const change = (patch: Partial<Choice>): void => {
    choice = { ...choice, ...patch };
    renderNote(choice);
    onChoose(choice);
  };
  const group = (name: string, buttons: readonly HTMLElement[]): void =>
    form.querySelector(`[data-choice="${name}"]`)?.replaceChildren(...buttons);

  group(
    "content",
    contents.map((content) =>
      createRadio("content", content.id, content.title, content === first.content, () => change({ content })),
    ),
  );
  group(
    "creative",
    creatives.map((creative) =>
      createRadio("creative", creative.id, creative.title, creative === first.creative, () => change({ creative })),
    ),
  );
  const names = CDNS.includes(first.cdn) ? CDNS : [...CDNS, first.cdn];
  group(
    "cdn",
    names.map((cdn) => createRadio("cdn", cdn, cdn, cdn === first.cdn, () => change({ cdn }))),
  );
  group(
    "policy",
    POLICIES.map((policy) =>
      createRadio("policy", policy.id, policy.title, policy === first.policy, () => change({ policy })),
    ),
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  renderNote(choice);
}

function createRadio(name: string, value: string, title: string, isChosen: boolean, onChoose: () => void): HTMLElement {
  const input = create("input");
  Object.assign(input, { type: "radio", name, value, checked: isChosen });
  input.addEventListener("change", onChoose);
  return create("label", "", input, create("span", "", title));
}

function renderNote({ content, creative, policy }: Choice): void {
  const note = ` ${content.note}. ${creative.title}: ${creative.note}.`;
  find("choice-note", HTMLParagraphElement).replaceChildren(create("b", "", `${content.name}.`), note);
  setText(find("policy-note", HTMLParagraphElement), `${policy.title}: ${policy.note}.`);
  document.title = `${content.name} · Interlude`;
}

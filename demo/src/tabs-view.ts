/** The two workflows as tabs of one panel: arrow keys, Home and End move between them, and the chosen one alone is in the tab order. */
import { find, setText } from "./elements.ts";
import type { Workflow } from "./choice.ts";

const TABS: readonly { readonly workflow: Workflow; readonly id: string; readonly text: string }[] = [
  {
    workflow: "player",
    id: "tab-player",
    text: "hls.js with the plugin: the player asks for ads and splices them in itself.",
  },
  {
    workflow: "server",
    id: "tab-server",
    text: "Plain hls.js: the manifest server stitches the ads in before the player sees a playlist.",
  },
];

export interface TabsView {
  readonly render: (workflow: Workflow) => void;
}

/** @param onSelect gets a tab that was not the chosen one */
export function createTabsView(first: Workflow, onSelect: (workflow: Workflow) => void): TabsView {
  const tabs = TABS.map((tab) => ({ ...tab, button: find(tab.id, HTMLButtonElement) }));
  const panel = find("panel", HTMLDivElement);
  let chosen = first;
  const select = (index: number, isFocused: boolean): void => {
    const tab = tabs.at(index % tabs.length);
    if (!tab) return;
    if (isFocused) tab.button.focus();
    if (tab.workflow !== chosen) onSelect(tab.workflow);
  };
  for (const [index, { button }] of tabs.entries()) {
    const keys: Readonly<Record<string, number>> = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      Home: 0,
      End: tabs.length - 1,
    };
    button.addEventListener("click", () => select(index, false));
    button.addEventListener("keydown", (event) => {
      const target = keys[event.key];
      if (target === undefined) return;
      event.preventDefault();
      select(target, true);
    });
  }
  return {
    render: (workflow) => {
      chosen = workflow;
      document.documentElement.dataset["workflow"] = workflow;
      for (const { button, id, workflow: own, text } of tabs) {
        button.setAttribute("aria-selected", String(own === workflow));
        button.tabIndex = own === workflow ? 0 : -1;
        if (own !== workflow) continue;
        panel.setAttribute("aria-labelledby", id);
        setText(find("workflow-note", HTMLParagraphElement), text);
      }
    },
  };
}

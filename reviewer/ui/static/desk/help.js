/**
 * Owns the list of everything that can be done and its keys. The one rule: each action stands in it once, under what
 * it is for, and a press on its line does it.
 */

import { openDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { DIGITS, KEYS, printKey } from "./keys.js";
import { text } from "./texts.js";

/** What actions are for → the actions, as they are listed; what a newer server adds stands at the end. */
export const GROUPS = {
  move: ["next", "previous", "page_down", "page_up", "first", "last", "skip"],
  select: ["select", "select_range_down", "select_range_up", "select_all", "clear_selection"],
  answer: ["labels", "value", "prediction_correct", "ask_second", "unsure", "gold"],
  close: ["ambiguous", "bad_input", "out_of_scope", "duplicate", "not_reproducible", "app_bug", "wont_fix"],
  work: ["next_for_me", "needs_info", "reopen", "claim", "release", "assign", "comment", "undo", "redo"],
  group: ["group", "show_group", "split"],
  look: ["search", "filter", "previous_view", "next_view", "save_view", "copy_link", "density", "help"],
};

/** Show every action with its keys; `perform` does the one that is pressed. */
export function openHelp(parent, perform) {
  const listed = new Set(Object.values(GROUPS).flat());
  const others = Object.keys(KEYS).filter((action) => !listed.has(action));
  const groups = Object.entries({ ...GROUPS, other: others }).filter(([, actions]) => actions.length);
  const press = (action) => {
    dialog.close();
    perform(action);
  };
  const built = groups.map(([group, actions]) => buildGroup(group, actions, press));
  const dialog = openDialog(parent, text("desk.keys"), [h("div", { class: "desk-keys" }, ...built)]);
  dialog.classList.add("desk-wide");
  dialog.addEventListener("keydown", (event) => {
    if (!KEYS.help.includes(event.key)) return;
    event.preventDefault(); // the desk would open it again
    dialog.close();
  });
}

function buildGroup(group, actions, press) {
  const lines = actions.map((action) => buildLine(KEYS[action] ?? [], action, () => press(action)));
  const extra = (EXTRA[group] ?? []).map(([keys, action]) => buildLine(keys, action));
  return h("section", {}, h("h4", {}, text(`desk.keys.${group}`)), ...extra, ...lines);
}

/** Keys that no workspace changes, by the group that lists them. */
const EXTRA = {
  answer: [
    [[DIGITS[0], "…", DIGITS.at(-1)], "label"],
    [["Shift+A", "…"], "label_beyond"],
  ],
  work: [[["Ctrl", "Enter"], "send"]],
  look: [[["Escape"], "close"]],
};

function buildLine(keys, action, onclick = null) {
  const printed = h("span", { class: "desk-keys-printed" }, ...keys.map((key) => h("kbd", {}, printKey(key))));
  const words = text(`desk.key.${action}`);
  if (!onclick) return h("div", { class: "desk-keys-line" }, printed, words);
  return h("button", { type: "button", class: "desk-keys-line", onclick }, printed, words);
}

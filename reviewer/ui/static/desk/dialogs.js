/**
 * Owns what opens above the desk: the list of keys and the label picker. The one rule: Escape closes it and the
 * focus goes back to where it was.
 */

import { h, keycap } from "./dom.js";
import { KEYS, LABEL_KEYS, printKey } from "./keys.js";
import { text } from "./texts.js";

/** Show every key and what it does. */
export function openHelp(parent) {
  const lines = [
    [[LABEL_KEYS[0], "…", LABEL_KEYS.at(-1)], "label"],
    ...Object.entries(KEYS).map(([action, keys]) => [keys.map(printKey), action]),
    [["Ctrl", "Enter"], "send"],
    [["Esc"], "close"],
  ];
  const list = h("dl", { class: "desk-keys" }, ...lines.map(([keys, action]) => buildKeyLine(keys, action)));
  const dialog = openDialog(parent, text("desk.keys"), list);
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== KEYS.help[0]) return;
    event.preventDefault(); // the desk would open it again
    dialog.close();
  });
}

function buildKeyLine(keys, action) {
  const printed = keys.map((key) => h("kbd", {}, key));
  return h("div", {}, h("dt", {}, ...printed), h("dd", {}, text(`desk.key.${action}`)));
}

/** Let the reviewer choose one of many labels by typing a part of it. */
export function openLabelPicker(parent, labels, onChoose) {
  const picker = new LabelPicker(labels, (label) => {
    dialog.close();
    onChoose(label);
  });
  const dialog = openDialog(parent, text("desk.labels"), picker.field, picker.list);
  picker.draw();
  picker.field.focus();
}

class LabelPicker {
  constructor(labels, onChoose) {
    this.labels = labels;
    this.onChoose = onChoose;
    this.at = 0;
    const properties = { class: "desk-picker", role: "listbox", id: "desk-picker" };
    this.list = h("ul", { ...properties, "aria-label": text("desk.labels") });
    this.field = h("input", {
      class: "desk-field",
      role: "combobox",
      placeholder: text("desk.pick_label"),
      "aria-label": text("desk.pick_label"),
      "aria-expanded": "true",
      "aria-controls": "desk-picker",
      oninput: () => this.#choose(0),
      onkeydown: (event) => this.#onKey(event),
    });
  }

  draw() {
    this.found = findLabels(this.labels, this.field.value.trim().toLowerCase());
    this.at = Math.max(0, Math.min(this.at, this.found.length - 1));
    this.list.replaceChildren(...this.found.map((label, at) => this.#buildOption(label, at)));
    this.field.setAttribute("aria-activedescendant", `desk-pick-${this.at}`);
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  #buildOption(label, at) {
    const properties = { role: "option", id: `desk-pick-${at}`, "aria-selected": String(at === this.at) };
    return h("li", { ...properties, onclick: () => this.onChoose(label) }, label);
  }

  #choose(at) {
    this.at = at;
    this.draw();
  }

  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step && event.key !== "Enter") return;
    event.preventDefault();
    if (step) this.#choose(this.at + step);
    else if (this.found.length) this.onChoose(this.found[this.at]);
  }
}

/** The labels that hold what was typed; those that begin with it come first, the very label before them. */
function findLabels(labels, typed) {
  const rank = (label) => [label === typed, label.startsWith(typed), label.includes(typed)].indexOf(true);
  const ranked = labels.map((label) => ({ label, rank: rank(label.toLowerCase()) }));
  const found = ranked.filter((each) => each.rank >= 0);
  return found.sort((one, other) => one.rank - other.rank).map(({ label }) => label);
}

function openDialog(parent, title, ...children) {
  const dialog = h("dialog", { class: "desk-dialog", "aria-label": title, onclose: () => dialog.remove() });
  const properties = { type: "button", class: "desk-button", onclick: () => dialog.close() };
  const close = h("button", properties, text("desk.close"), keycap("Esc"));
  dialog.append(h("header", {}, h("b", {}, title), close), ...children);
  parent.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Owns the status bar. The one rule: whether work is saved is always in sight.
 */

import { h, keycap } from "./dom.js";
import { formatCount } from "./format.js";
import { KEYS, listShortcuts } from "./keys.js";
import { plural, text } from "./texts.js";

/** How long a passing word stays in sight. */
const TOLD_MS = 6_000;

export class Status {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./operations.js").Operations} operations
   * @param {import("./decisions.js").Decisions} decisions
   * @param {import("./selection.js").Selection} selection
   * @param {(action: string) => void} perform
   */
  constructor(store, operations, decisions, selection, perform) {
    Object.assign(this, { store, operations, decisions, selection });
    this.position = h("span", {});
    this.selected = h("span", { class: "desk-count" });
    this.saving = h("span", {});
    const retry = { type: "button", class: "desk-link", onclick: () => operations.retry() };
    this.retry = h("button", retry, text("desk.retry"));
    this.said = h("span", { class: "desk-said" });
    this.undo = buildLink("undo", text("desk.action.undo"), perform);
    this.redo = buildLink("redo", text("desk.action.redo"), perform);
    this.announcer = h("span", { class: "desk-unseen", "aria-live": "polite" });
    this.told = h("span", { class: "desk-told", role: "status" });
    const done = [this.position, this.selected, this.saving, this.retry, this.said, this.undo, this.redo, this.told];
    const moves = [keycap(KEYS.next?.[0]), keycap(KEYS.previous?.[0]), text("desk.hint.move")];
    const move = h("span", { class: "desk-hint" }, ...moves);
    const select = h("span", { class: "desk-hint" }, keycap(KEYS.select?.[0]), text("desk.hint.select"));
    const hints = [move, select, buildLink("help", text("desk.all_keys"), perform)];
    const gap = h("span", { class: "desk-grow" });
    this.element = h("footer", { class: "desk-status" }, ...done, gap, ...hints, this.announcer);
  }

  render() {
    const { store, operations, decisions, selection } = this;
    const at = store.position + 1;
    const of = formatCount(store.total);
    this.position.textContent = at ? text("desk.position", { at: formatCount(at), of }) : "";
    this.selected.textContent = selection.count ? plural("desk.selected", selection.count) : "";
    const [state, words] = this.#saySaving(operations);
    this.saving.className = `desk-saving desk-saving-${state}`;
    this.saving.textContent = words;
    this.retry.hidden = !operations.trouble;
    this.said.textContent = this.said.title = decisions.last?.said ?? "";
    this.undo.hidden = !decisions.last;
    this.redo.hidden = !decisions.lastUndone;
    this.redo.title = decisions.lastUndone?.said ?? "";
    this.#announce(operations.trouble ? words : (decisions.last?.said ?? ""));
  }

  /** Say for a while what has happened, to everybody. */
  tell(words) {
    clearTimeout(this.telling);
    this.told.textContent = words;
    this.telling = setTimeout(() => (this.told.textContent = ""), TOLD_MS);
  }

  /** Let a screen reader say what others see. */
  #announce(words) {
    if (this.announced === words) return;
    this.announced = words;
    this.announcer.textContent = words;
  }

  #saySaving({ unsaved, trouble }) {
    if (trouble?.status === 0) return ["bad", plural("desk.offline", unsaved)];
    if (trouble) return ["bad", `${trouble.message} ${plural("desk.waiting", unsaved)}`];
    if (unsaved) return ["busy", plural("desk.saving", unsaved)];
    return this.store.isReached ? ["ok", text("desk.saved")] : ["bad", text("desk.error.offline")];
  }
}

function buildLink(action, words, perform) {
  const properties = { type: "button", class: "desk-link", "aria-keyshortcuts": listShortcuts(action) };
  return h("button", { ...properties, onclick: () => perform(action) }, words, keycap(KEYS[action]?.[0]));
}

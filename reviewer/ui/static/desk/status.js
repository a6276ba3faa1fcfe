/**
 * Owns the status bar and the notices of refused decisions. The one rule: whether work is saved is always in sight,
 * and a refusal stays until somebody has seen it.
 */

import { h, keycap } from "./dom.js";
import { formatCount } from "./format.js";
import { KEYS } from "./keys.js";
import { plural, text } from "./texts.js";

export class Status {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./operations.js").Operations} operations
   * @param {import("./decisions.js").Decisions} decisions
   * @param {{ undo: () => void, help: () => void }} hooks
   */
  constructor(store, operations, decisions, hooks) {
    Object.assign(this, { store, operations, decisions });
    this.position = h("span", {});
    this.saving = h("span", {});
    this.retry = link(() => operations.retry(), null, text("desk.retry"));
    this.said = h("span", { class: "desk-said" });
    this.undo = link(hooks.undo, KEYS.undo[0], text("desk.action.undo"));
    this.announcer = h("span", { class: "desk-unseen", "aria-live": "polite" });
    const done = [this.position, this.saving, this.retry, this.said, this.undo];
    const moves = [keycap(KEYS.next[0]), keycap(KEYS.previous[0]), text("desk.hint.move")];
    const move = h("span", { class: "desk-hint" }, ...moves);
    const hints = [move, link(hooks.help, KEYS.help[0], text("desk.all_keys"))];
    const gap = h("span", { class: "desk-grow" });
    this.element = h("footer", { class: "desk-status" }, ...done, gap, ...hints, this.announcer);
    this.notices = h("div", { class: "desk-notices", role: "alert" });
  }

  render() {
    const { store, operations, decisions } = this;
    const at = store.position + 1;
    const of = formatCount(store.total);
    this.position.textContent = at ? text("desk.position", { at: formatCount(at), of }) : "";
    const [state, words] = this.#saySaving(operations);
    this.saving.className = `desk-saving desk-saving-${state}`;
    this.saving.textContent = words;
    this.retry.hidden = !operations.trouble;
    this.said.textContent = decisions.last?.said ?? "";
    this.said.title = decisions.last?.said ?? "";
    this.undo.hidden = !decisions.last;
    this.#announce(operations.trouble ? words : (decisions.last?.said ?? ""));
  }

  /** Show that the server refused a decision, and why, until it is dismissed. */
  addNotice(operation, error, onShow) {
    const about = this.store.row(operation.flag_id)?.preview || operation.flag_id;
    const refused = h("b", {}, text("desk.refused", { said: operation.said }));
    const said = h("div", { class: "desk-grow" }, refused, " ", error.message, h("small", {}, about));
    const show = () => {
      notice.remove();
      onShow();
    };
    const button = { type: "button", class: "desk-button" };
    const dismiss = { ...button, "aria-label": text("desk.dismiss"), onclick: () => notice.remove() };
    const buttons = [h("button", { ...button, onclick: show }, text("desk.show")), h("button", dismiss, "✕")];
    const notice = h("div", { class: "desk-notice" }, said, ...buttons);
    this.notices.append(notice);
  }

  #saySaving({ pending, trouble }) {
    if (trouble?.status === 0) return ["bad", plural("desk.offline", pending.length)];
    if (trouble) return ["bad", `${trouble.message} ${plural("desk.waiting", pending.length)}`];
    if (pending.length) return ["busy", plural("desk.saving", pending.length)];
    return this.store.isReached ? ["ok", text("desk.saved")] : ["bad", text("desk.error.offline")];
  }

  #announce(words) {
    if (this.announcer.textContent !== words) this.announcer.textContent = words;
  }
}

function link(onclick, key, words) {
  const properties = { type: "button", class: "desk-link", "aria-keyshortcuts": key, onclick };
  return h("button", properties, words, key && keycap(key));
}

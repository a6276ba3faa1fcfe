/**
 * Owns what a reviewer does: each decision becomes an operation and a line of the undo list. The one rule: a decision
 * and its undo carry the flag as it was and as it will be, so both show at once.
 */

import { formatValue } from "./format.js";
import { newId } from "./operations.js";
import { sayOutput } from "./pills.js";
import { name, text } from "./texts.js";

const STACK = "reviewer.decided";
const STACK_DEPTH = 200;
const RIGHT = { corrected_label: null, corrected_value: null, corrected_output: null };
const UNDECIDED = { resolution: null, ...RIGHT };
const STATE = ["status", "resolution", ...Object.keys(RIGHT), "reviewer", "reviewed_at"];

export class Decisions {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./operations.js").Operations} operations
   */
  constructor(store, operations) {
    this.store = store;
    this.operations = operations;
    /** What this session did and can take back, oldest first. */
    this.done = loadDone();
  }

  /** The action that undo would take back. */
  get last() {
    return this.done.at(-1);
  }

  /**
   * Decide on a flag and go on to the next one.
   * @param {string} id
   * @param {Object} decision one of `corrected_label`, `corrected_value`, `corrected_output`, `resolution`, `status`
   * @param {string} comment goes with it when not empty
   */
  decide(id, decision, comment = "") {
    const body = comment ? { ...decision, comment } : decision;
    this.#queue(id, body, toPatch(decision), describe(decision, this.store.row(id), this.store.models));
    this.store.advance(id);
  }

  /** Add a comment to a flag; it stays selected. */
  comment(id, comment) {
    this.#queue(id, { comment }, {}, text("desk.said.comment"));
  }

  /** Take back the last action of this session; its flag comes back. */
  undo() {
    const entry = this.done.pop();
    if (!entry) return;
    this.#storeDone();
    if (!this.operations.drop(entry.action_id)) this.operations.add(toUndo(entry));
    if (this.store.row(entry.flag_id)) this.store.place(entry.flag_id);
    this.store.select(entry.flag_id);
  }

  /** Forget an action that the server refused. */
  forget(actionId) {
    this.done = this.done.filter((each) => each.action_id !== actionId);
    this.#storeDone();
  }

  #queue(id, body, patch, said) {
    const row = this.store.row(id);
    const before = Object.fromEntries(STATE.map((column) => [column, row[column] ?? null]));
    const seconds = Math.round(performance.now() - this.store.shownAt) / 1000;
    const operation = { action_id: newId(), route: "reviews", flag_id: id, seq: row.seq, seconds, body, patch, said };
    this.done.push({ action_id: operation.action_id, flag_id: id, before, said });
    this.#storeDone();
    this.operations.add(operation);
  }

  #storeDone() {
    this.done = this.done.slice(-STACK_DEPTH);
    try {
      sessionStorage.setItem(STACK, JSON.stringify(this.done));
    } catch {
      // Without a store, undo reaches back to the last reload only.
    }
  }
}

function toPatch(decision) {
  if ("status" in decision) return { ...UNDECIDED, ...decision };
  if ("resolution" in decision) return { ...UNDECIDED, status: "resolved", ...decision };
  return { ...UNDECIDED, status: "resolved", resolution: "label_corrected", ...decision };
}

function toUndo({ action_id, flag_id, before, said }) {
  return {
    action_id: newId(),
    route: "undo",
    flag_id,
    seq: 0,
    body: { reverts: action_id },
    patch: before,
    said: text("desk.said.undo", { said }),
  };
}

function describe(decision, row, models) {
  if ("corrected_label" in decision) return text("desk.said.corrected", { to: decision.corrected_label });
  if ("corrected_value" in decision) {
    return text("desk.said.corrected", { to: formatValue(decision.corrected_value, models.get(row.model)?.unit) });
  }
  if ("corrected_output" in decision) return text("desk.said.corrected", { to: sayOutput(decision.corrected_output) });
  return "status" in decision ? name("status", decision.status) : name("resolution", decision.resolution);
}

function loadDone() {
  try {
    return JSON.parse(sessionStorage.getItem(STACK)) ?? [];
  } catch {
    return [];
  }
}

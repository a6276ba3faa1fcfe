/**
 * Owns what a reviewer does: each decision becomes an operation and a line of the undo list. The one rule: a decision
 * and its undo carry the flag as it was and as it will be, so both show at once.
 */

import { formatValue } from "./format.js";
import { newId } from "./operations.js";
import { sayOutput } from "./pills.js";
import { name, plural, text } from "./texts.js";

const STACKS = "reviewer.decided";
const STACK_DEPTH = 200;
const RIGHT = { corrected_label: null, corrected_value: null, corrected_output: null };
const UNDECIDED = { resolution: null, ...RIGHT };
const OWNED = ["assignee", "claimed_until", "second_review", "group_id", "group_size"];
const STATE = ["status", "resolution", ...Object.keys(RIGHT), "reviewer", "reviewed_at", ...OWNED];

/**
 * @typedef {Object} Entry what this session did and can take back
 * @property {string} action_id
 * @property {string} said
 * @property {string|null} flag_id null for an action on many
 * @property {Object} [before] the flag as it was
 * @property {Object} [patch] what the action made of it
 * @property {Object} [body] the decision itself
 * @property {number} [seq] the flag's `seq` after the action, once the server has answered
 */

export class Decisions {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./operations.js").Operations} operations
   * @param {(actionId: string, isOwn: boolean) => Promise<boolean>} askUndo asks the reviewer when the undo of an
   *   action meets more than that
   */
  constructor(store, operations, askUndo) {
    Object.assign(this, { store, operations, askUndo });
    /** @type {Entry[]} oldest first */
    this.done = [];
    /** @type {Entry[]} what was taken back and can be done again, newest last */
    this.undone = [];
    Object.assign(this, loadStacks());
  }

  /** The action that undo would take back. */
  get last() {
    return this.done.at(-1);
  }

  /** The action that redo would do again. */
  get lastUndone() {
    return this.undone.at(-1);
  }

  /**
   * Decide on a flag and go on to the next one.
   * @param {string} id
   * @param {Object} decision one of `corrected_label`, `corrected_value`, `corrected_output`, `resolution`, `status`,
   *   `act`, `assignee`
   * @param {string} comment goes with it when not empty
   * @param {Object} wishes `ask_second` and `certainty` of an answer
   */
  decide(id, decision, comment = "", wishes = {}) {
    const patch = wishes.ask_second ? WAITING : this.#toPatch(decision, this.store.row(id));
    this.#review(id, { ...withComment(decision, comment), ...wishes }, patch, this.describe(decision, id));
    this.store.advance([id]);
  }

  /**
   * Decide on many flags at once.
   * @param {{ body: Object, flagIds: string[], count: number }} target which ones: for the server, those in sight, how many
   */
  decideMany({ body, flagIds, count }, decision, comment = "") {
    const said = `${this.describe(decision)} · ${plural("desk.flags", count)}`;
    const operation = { action_id: newId(), route: "bulk", flag_ids: flagIds, said, patch: this.#toPatch(decision) };
    this.#note({ action_id: operation.action_id, flag_id: null, said });
    this.operations.add({ ...operation, body: { ...body, ...withComment(decision, comment) } });
    this.store.advance(flagIds);
  }

  /** Add a comment to a flag; it stays selected. */
  comment(id, comment) {
    this.#review(id, { comment }, {}, text("desk.said.comment"));
  }

  /** Take a flag out of its group; it stays selected. */
  split(id) {
    const decision = { act: "split" };
    this.#review(id, decision, this.#toPatch(decision), this.describe(decision, id));
  }

  /** Note that the server handed a flag out, so that undo gives it back. */
  noteTaken(card, actionId) {
    this.#note({ action_id: actionId, flag_id: card.flag_id, before: { ...UNDECIDED, status: "open", assignee: null }, said: text("desk.said.claim") });
  }

  /** Take back the last action of this session; its flag comes back. */
  async undo() {
    const entry = this.last;
    if (!entry || !(await this.#mayUndo(entry))) return;
    this.#take(entry.action_id);
    if (!this.operations.drop(entry.action_id)) this.#sendUndo(entry);
    else if (entry.body) this.undone.push({ ...entry, isUnsent: true });
    this.#store();
    this.#comeBack(entry.flag_id);
  }

  /** Do again what was taken back last. */
  redo() {
    const entry = this.undone.pop();
    if (!entry) return;
    const { undone } = this;
    if (entry.isUnsent) this.#review(entry.flag_id, entry.body, entry.patch, entry.said);
    else this.#repeat(entry);
    this.undone = undone; // the further ones can still be done again
    this.#store();
    if (entry.flag_id) this.store.advance([entry.flag_id]);
  }

  /** Take back any action of a flag's history. */
  async undoAction(flagId, { action_id: actionId }, said) {
    if (!(await this.askUndo(actionId, false))) return;
    const entry = this.#take(actionId) ?? { action_id: actionId, flag_id: flagId, said };
    this.#sendUndo({ ...entry, before: {} });
    this.#store();
  }

  /** Note the state that an action led to: what lies beyond it was done by somebody else. */
  noteAnswer(operation, answer) {
    const entry = this.done.find((each) => each.action_id === operation.action_id);
    const flag = (answer.flags ?? [answer]).find((each) => each.flag_id === entry?.flag_id);
    if (!flag) return;
    entry.seq = flag.seq;
    this.#store();
  }

  /** Forget an operation that the server refused: what it took back stands again. */
  forget({ route, action_id: actionId, body }) {
    this.#take(actionId);
    const standing = this.undone.filter((each) => route === "undo" && each.action_id === body.reverts);
    this.undone = this.undone.filter((each) => each.action_id !== actionId && !standing.includes(each));
    this.done.push(...standing);
    this.#store();
  }

  /** Decide again what was refused, now that the reviewer has seen what came between. */
  insist({ flag_ids: [id], body, patch, said }) {
    this.#review(id, body, patch, said);
    this.store.place(id);
  }

  #review(id, body, patch, said) {
    const row = this.store.row(id);
    const before = Object.fromEntries(STATE.map((column) => [column, row[column] ?? null]));
    const seconds = Math.round(performance.now() - this.store.shownAt) / 1000;
    const operation = { action_id: newId(), route: "reviews", flag_ids: [id], seq: this.store.seenSeq(id), seconds };
    this.#note({ action_id: operation.action_id, flag_id: id, before, patch, body, said });
    this.operations.add({ ...operation, body, patch, said });
  }

  #repeat({ action_id: repeats, flag_id: id, patch = {}, ...entry }) {
    const action = { action_id: newId(), said: text("desk.said.redo", { said: entry.said }) };
    this.done.push({ ...entry, ...action, flag_id: id, patch, said: entry.said });
    this.operations.add({ ...action, route: "redo", flag_ids: id ? [id] : [], body: { repeats }, patch });
  }

  #sendUndo(entry) {
    const { action_id: reverts, flag_id: id, before = {} } = entry;
    const said = text("desk.said.undo", { said: entry.said });
    this.undone.push(entry);
    const touched = id ? [id] : [];
    this.operations.add({ action_id: newId(), route: "undo", flag_ids: touched, body: { reverts }, patch: before, said });
  }

  /** Only where somebody decided since, or where it is about many flags, there is something to ask. */
  async #mayUndo({ action_id: actionId, flag_id: id, seq = Infinity }) {
    const isToAsk = id ? this.store.truth.get(id)?.seq > seq : !this.operations.isWaiting(actionId);
    return !isToAsk || this.askUndo(actionId, true);
  }

  #comeBack(id) {
    if (!id) return;
    if (this.store.row(id)) this.store.place(id);
    this.store.select(id);
  }

  #note(entry) {
    this.done.push(entry);
    this.undone = [];
    this.#store();
  }

  #take(actionId) {
    const entry = this.done.find((each) => each.action_id === actionId);
    this.done = this.done.filter((each) => each !== entry);
    return entry;
  }

  #store() {
    this.done = this.done.slice(-STACK_DEPTH);
    try {
      sessionStorage.setItem(STACKS, JSON.stringify({ done: this.done, undone: this.undone }));
    } catch {
      // Without a store, undo reaches back to the last reload only.
    }
  }

  #toPatch(decision, row = null) {
    if ("act" in decision) return ACTS[decision.act](this.store.person, row);
    if ("assignee" in decision) return decision;
    if ("status" in decision) return { ...UNDECIDED, ...decision };
    if ("resolution" in decision) return { ...UNDECIDED, status: "resolved", ...decision };
    return { ...UNDECIDED, status: "resolved", resolution: "label_corrected", ...decision };
  }

  /** What a decision says, in words. */
  describe(decision, id = null) {
    const unit = id && this.store.models.get(this.store.row(id).model)?.unit;
    const [kind] = Object.keys(decision);
    const row = id && this.store.row(id);
    if (decision.act === "claim" && row?.assignee && row.assignee !== this.store.person) {
      return text("desk.said.take_over", { person: row.assignee });
    }
    return SAID[kind](decision[kind], unit);
  }
}

/** An answer that counts once somebody else has given theirs. */
const WAITING = { ...UNDECIDED, status: "second_review", second_review: "waiting", assignee: null };

/** A flag that was answered keeps its status while somebody has it. */
const isAnswered = (row) => ["second_review", "disagreement"].includes(row?.status);

/** Act → what it makes of a flag; `me` is who acts. */
const ACTS = {
  claim: (me, row) => (isAnswered(row) ? { assignee: me } : { ...UNDECIDED, status: "in_review", assignee: me }),
  release: (me, row) => (isAnswered(row) ? { assignee: null } : { ...UNDECIDED, status: "open", assignee: null }),
  ask_second: () => WAITING,
  gold: () => ({}),
  split: () => ({ group_id: null, group_size: 1 }),
};

/** Kind of decision → what it says. */
const SAID = {
  corrected_label: (label) => text("desk.said.corrected", { to: label }),
  corrected_value: (value, unit) => text("desk.said.corrected", { to: formatValue(value, unit ?? "") }),
  corrected_output: (output) => text("desk.said.corrected", { to: sayOutput(output) }),
  resolution: (resolution) => name("resolution", resolution),
  status: (status) => name("status", status),
  act: (act) => text(`desk.said.${act}`),
  assignee: (person) => text("desk.said.assign", { person }),
};

const withComment = (decision, comment) => (comment ? { ...decision, comment } : decision);

function loadStacks() {
  try {
    const { done, undone } = JSON.parse(sessionStorage.getItem(STACKS));
    return { done, undone };
  } catch {
    return {};
  }
}

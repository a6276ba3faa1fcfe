/**
 * Owns the operations that the server has not acknowledged yet. The one rule: they are sent strictly in the
 * order they were made, and none is forgotten before the server has answered it. Decisions on different flags that
 * came together while the last answer was on its way go together.
 *
 * Each waits under its own key of localStorage, so a reload goes on where it stopped. A second tab of this browser
 * picks the same ones up; that is harmless, since the server applies an `action_id` once, and a key that is
 * gone has been settled by the other tab.
 */

const PREFIX = "reviewer.operation.";
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** The most decisions that are sent together. */
const MOST = 25;
const NONE = [];

/**
 * @typedef {Object} Operation
 * @property {string} action_id
 * @property {"reviews"|"bulk"|"undo"|"redo"} route
 * @property {string[]} flag_ids the flags it is known to touch
 * @property {number} [seq] the flag's `seq` the reviewer saw, raised by the answers to own earlier operations
 * @property {number} [seconds] how long the reviewer looked at the flag
 * @property {Object} body what is decided
 * @property {Object} patch what a touched flag's row looks like once it is applied
 * @property {string} said what was decided, in words
 * @property {boolean} isTried whether the server may know it
 */

export class Operations {
  /**
   * @param {Object} hooks
   * @param {(operation: Operation) => Promise<Object>} hooks.send throws an error with `isPassing`
   * @param {(operations: Operation[]) => Promise<Object[]>} hooks.sendEach the same for several reviews; the answers
   *   are cards and such errors
   * @param {(operation: Operation, answer: Object) => void} hooks.onAnswer
   * @param {(operation: Operation, error: Error) => void} hooks.onRefusal
   * @param {() => void} hooks.onChange
   */
  constructor(hooks) {
    this.hooks = hooks;
    /** @type {Operation[]} */
    this.pending = [];
    /** Decisions that are pressed and wait for the card they mean; then they are pending. */
    this.expected = 0;
    /** Counts the changes of what is pending. */
    this.revision = 0;
    /** @type {Map<string, Operation[]>} */
    this.byFlag = new Map();
    loadOperations().forEach((operation) => this.#hold(operation));
    /** @type {Error|null} why the first one could not be sent so far */
    this.trouble = null;
    this.isSending = false;
    /** How many are sent together: one after a refusal of all, so that the one at fault is found. */
    this.most = MOST;
    this.wake = () => {};
    this.waiting = [];
  }

  /** Queue an operation and start sending. */
  add(operation) {
    this.#hold(operation);
    storeOperation(operation);
    this.hooks.onChange();
    this.run();
  }

  /** Take an operation back that the server cannot know; false when it may. */
  drop(actionId) {
    const operation = this.pending.find((each) => each.action_id === actionId);
    if (!operation || operation.isTried) return false;
    this.#settle(operation);
    return true;
  }

  /** How many decisions the server has not acknowledged. */
  get unsaved() {
    return this.pending.length + this.expected;
  }

  /** Whether an action is still to be acknowledged. */
  isWaiting(actionId) {
    return this.pending.some((each) => each.action_id === actionId);
  }

  /** The operations on a flag that are still to be acknowledged, oldest first. */
  on(flagId) {
    return this.byFlag.get(flagId) ?? NONE;
  }

  /** The flags with operations that are still to be acknowledged. */
  get flagIds() {
    return this.byFlag.keys();
  }

  /** Try again now instead of waiting for the pause to end. */
  retry() {
    this.wake();
  }

  /** Resolves once the server has acknowledged everything that was queued so far. */
  async whenSaved() {
    while (this.pending.length) await new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Send until nothing is left. */
  async run() {
    if (this.isSending) return;
    this.isSending = true;
    try {
      await this.#sendAll();
    } finally {
      this.isSending = false;
      this.waiting.splice(0).forEach((resolve) => resolve());
      this.hooks.onChange();
    }
  }

  async #sendAll() {
    let pause = FIRST_PAUSE_MS;
    while (this.pending.length) {
      await this.#sendNext();
      if (!this.trouble) pause = FIRST_PAUSE_MS;
      else {
        await this.#rest(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
  }

  async #sendNext() {
    if (isSettled(this.pending[0])) return this.#settle(this.pending[0]);
    const sent = this.#listNext();
    for (const operation of sent) operation.isTried = true;
    try {
      const answers = sent.length > 1 ? await this.hooks.sendEach(sent) : [await this.hooks.send(sent[0])];
      this.trouble = null;
      this.most = MOST;
      sent.forEach((operation, place) => this.#take(operation, answers[place]));
    } catch (error) {
      if (!("isPassing" in error)) throw error;
      if (sent.length > 1 && !error.isPassing) this.most = 1;
      else this.#fail(sent[0], error);
    }
    this.hooks.onChange();
  }

  /** The first operation; a decision with those that follow it at once, each on a flag of its own. */
  #listNext() {
    const flagIds = new Set();
    const isApart = ({ route, flag_ids: [id] }) => route === "reviews" && !flagIds.has(id) && flagIds.add(id);
    const end = this.pending.findIndex((operation) => !isApart(operation) || isSettled(operation));
    return this.pending.slice(0, Math.max(1, Math.min(end < 0 ? this.pending.length : end, this.most)));
  }

  #take(operation, answer) {
    if (answer instanceof Error) return this.#fail(operation, answer);
    this.#settle(operation);
    this.#raiseSeq(operation, answer);
    this.hooks.onAnswer(operation, answer);
  }

  #fail(operation, error) {
    if (error.isPassing) this.trouble = error;
    else this.#refuse(operation, error);
  }

  #refuse(operation, error) {
    this.trouble = null;
    this.#settle(operation);
    const undo = this.pending.find((each) => each.body.reverts === operation.action_id);
    if (undo) this.#settle(undo);
    this.hooks.onRefusal(operation, error);
  }

  #hold(operation) {
    this.revision += 1;
    this.pending.push(operation);
    for (const id of operation.flag_ids) this.byFlag.set(id, [...this.on(id), operation]);
  }

  #settle(operation) {
    this.revision += 1;
    this.pending = this.pending.filter((each) => each !== operation);
    for (const id of operation.flag_ids) this.#release(id, operation);
    if (operation.isStored) localStorage.removeItem(PREFIX + operation.action_id);
  }

  #release(id, operation) {
    const left = this.on(id).filter((each) => each !== operation);
    if (left.length) this.byFlag.set(id, left);
    else this.byFlag.delete(id);
  }

  /** An own answer moves its flags on; the own operations that wait behind it have seen that. */
  #raiseSeq(operation, answer) {
    if (isMere(operation.body)) return;
    for (const { flag_id, seq } of listMoved(operation, answer)) {
      for (const waiting of this.on(flag_id)) {
        if (!raise(waiting, flag_id, seq)) continue;
        storeOperation(waiting);
      }
    }
  }

  #rest(pause) {
    this.hooks.onChange();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pause);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Whether another tab has settled the operation. */
const isSettled = ({ action_id, isStored }) => isStored && !localStorage.getItem(PREFIX + action_id);

/** What contradicts nothing, so that somebody else's decision may lie between it and what was seen. */
const isMere = (body) => ["split", "renew", "ask_second", "gold"].includes(body.act) || Object.keys(body).every((key) => key === "comment");

/** The flags that an answer moved on; of a bulk only those it is sure to have changed. */
function listMoved({ route, body }, answer) {
  if (route !== "bulk") return answer.flags ?? [answer];
  if (answer.skipped > answer.reasons.length) return NONE;
  const skipped = new Set(answer.reasons.map(({ flag_id }) => flag_id));
  const changed = (body.flags ?? NONE).filter(({ flag_id }) => !skipped.has(flag_id));
  return changed.map(({ flag_id, seq }) => ({ flag_id, seq: seq + 1 }));
}

/** The body in which an operation is posted to its route. */
export function toBody({ route, action_id, flag_ids, seq, seconds, body }) {
  return route === "reviews" ? { action_id, flag_id: flag_ids[0], seq, seconds, ...body } : { action_id, ...body };
}

function storeOperation(operation) {
  try {
    localStorage.setItem(PREFIX + operation.action_id, JSON.stringify({ ...operation, isStored: true }));
    operation.isStored = true;
  } catch {
    operation.isStored = false; // a full or forbidden store: a reload warns instead (see `beforeunload`)
  }
}

function loadOperations() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    // Action ids are UUIDv7: their order is the order in which they were made.
    const found = keys.sort().map((key) => ({ ...JSON.parse(localStorage.getItem(key)), isTried: true }));
    return found.filter(({ flag_ids }) => Array.isArray(flag_ids));
  } catch {
    return [];
  }
}

let lastMoment = 0;

/**
 * Return a new UUIDv7, later than every earlier one of this page.
 * `crypto.randomUUID` is missing on plain http, where teams run this, and has no order.
 */
export function newId() {
  lastMoment = Math.max(Date.now(), lastMoment + 1);
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const random = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const hex = lastMoment.toString(16).padStart(12, "0") + random.slice(12);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Let an operation that waits know of a newer `seq` of a flag; false when it names none. */
function raise(waiting, flagId, seq) {
  const seen = waiting.route === "reviews" ? waiting : waiting.body.flags?.find(({ flag_id: id }) => id === flagId);
  if (!seen) return false;
  seen.seq = Math.max(seen.seq, seq);
  return true;
}

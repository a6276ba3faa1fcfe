/**
 * Owns the decisions that the server has not acknowledged yet. The one rule: they are sent strictly in the
 * order they were made, one at a time, and none is forgotten before the server has answered it.
 *
 * Each waits under its own key of localStorage, so a reload goes on where it stopped. A second tab of this browser
 * picks the same ones up; that is harmless, since the server applies an `action_id` once, and a key that is
 * gone has been settled by the other tab.
 */

const PREFIX = "reviewer.operation.";
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * @typedef {Object} Operation
 * @property {string} action_id
 * @property {"reviews"|"undo"} route
 * @property {string} flag_id
 * @property {number} seq the flag's `seq` the reviewer saw, raised by the answers to own earlier operations
 * @property {Object} body what is decided
 * @property {Object} patch what the flag's row looks like once it is applied
 * @property {string} said what was decided, in words
 * @property {boolean} isTried whether the server may know it
 */

export class Operations {
  /**
   * @param {Object} hooks
   * @param {(route: string, body: Object) => Promise<Object>} hooks.send throws an error with `isPassing`
   * @param {(operation: Operation, answer: Object) => void} hooks.onAnswer
   * @param {(operation: Operation, error: Error) => void} hooks.onRefusal
   * @param {() => void} hooks.onChange
   */
  constructor(hooks) {
    this.hooks = hooks;
    /** @type {Operation[]} */
    this.pending = loadOperations();
    /** @type {Error|null} why the first one could not be sent so far */
    this.trouble = null;
    this.isSending = false;
    this.wake = () => {};
  }

  /** Queue an operation and start sending. */
  add(operation) {
    this.pending.push(operation);
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

  /** The operations on a flag that are still to be acknowledged, oldest first. */
  on(flagId) {
    return this.pending.filter((each) => each.flag_id === flagId);
  }

  /** Try again now instead of waiting for the pause to end. */
  retry() {
    this.wake();
  }

  /** Send until nothing is left. */
  async run() {
    if (this.isSending) return;
    this.isSending = true;
    let pause = FIRST_PAUSE_MS;
    while (this.pending.length) {
      await this.#sendFirst();
      if (!this.trouble) pause = FIRST_PAUSE_MS;
      else {
        await this.#rest(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
    this.isSending = false;
    this.hooks.onChange();
  }

  async #sendFirst() {
    const operation = this.pending[0];
    if (operation.isStored && !localStorage.getItem(PREFIX + operation.action_id)) return this.#settle(operation);
    operation.isTried = true;
    try {
      const answer = await this.hooks.send(operation.route, toBody(operation));
      this.trouble = null;
      this.#settle(operation);
      this.#raiseSeq(operation, answer);
      this.hooks.onAnswer(operation, answer);
    } catch (error) {
      if (!("isPassing" in error)) throw error;
      if (error.isPassing) this.trouble = error;
      else this.#refuse(operation, error);
    }
    this.hooks.onChange();
  }

  #refuse(operation, error) {
    this.trouble = null;
    this.#settle(operation);
    const undo = this.pending.find((each) => each.body.reverts === operation.action_id);
    if (undo) this.#settle(undo);
    this.hooks.onRefusal(operation, error);
  }

  #settle(operation) {
    this.pending = this.pending.filter((each) => each !== operation);
    if (operation.isStored) localStorage.removeItem(PREFIX + operation.action_id);
  }

  /** An own answer moves the flag on; the own operations that wait behind it have seen that. */
  #raiseSeq(operation, answer) {
    if (isCommentOnly(operation)) return;
    for (const flag of answer.flags ?? [answer]) {
      for (const waiting of this.on(flag.flag_id)) {
        waiting.seq = Math.max(waiting.seq, flag.seq);
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

/** A comment contradicts nothing, so somebody else's decision may lie between it and what was seen. */
const isCommentOnly = ({ route, body }) => route === "reviews" && Object.keys(body).every((key) => key === "comment");

function toBody({ route, action_id, flag_id, seq, seconds, body }) {
  return route === "undo" ? { action_id, ...body } : { action_id, flag_id, seq, seconds, ...body };
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
    return keys.sort().map((key) => ({ ...JSON.parse(localStorage.getItem(key)), isTried: true }));
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

/**
 * Owns which flags a decision is for when it is for more than the one on the card: single ones, or all that a set of
 * filters matches. The one rule: its count is always what is said beside it.
 */

const NO_FLAGS = new Map();

export class Selection {
  /**
   * @param {import("./store.js").Store} store
   * @param {() => void} onChange
   */
  constructor(store, onChange) {
    Object.assign(this, { store, onChange });
    this.clear();
  }

  /** Select nothing. */
  clear() {
    /** Flag → the `seq` it was selected with. */
    this.flags = NO_FLAGS;
    /** @type {{ filters: Object, count: number, isGroup: boolean }|null} all that the filters match */
    this.scope = null;
    /** What was looked at when it began: what one cannot see any more is not selected any more. */
    this.filters = this.store.filters;
    this.#anchorAt(null);
    this.onChange();
  }

  get count() {
    return this.scope ? this.scope.count : this.flags.size;
  }

  /** Whether a decision would be for other flags than the one on the card, or for more. */
  isBeyond(id) {
    return this.count > 1 || (this.count === 1 && !this.flags.has(id));
  }

  has(row) {
    return this.scope ? this.store.isShown(row, this.scope.filters) : this.flags.has(row.flag_id);
  }

  /** Select a flag, or no longer. */
  toggle(id) {
    const flags = new Map(this.flags);
    if (!flags.delete(id)) flags.set(id, this.store.seenSeq(id));
    this.#set(flags);
    this.#anchorAt(id);
  }

  /** Select all from the last flag that was toggled to this one; a range that was drawn further goes back. */
  reachTo(id) {
    if (!this.anchor) this.#anchorAt(id);
    const { ids } = this.store;
    const ends = [ids.indexOf(this.anchor), ids.indexOf(id)].sort((one, other) => one - other);
    this.#set(this.#add(this.base, ends[0] < 0 ? [id] : ids.slice(ends[0], ends[1] + 1)));
    this.reached = id;
  }

  /** Draw the range on from a flag: where it ended, or anew. */
  reachOn(from, to) {
    if (from !== this.reached) this.#anchorAt(from);
    this.reachTo(to);
  }

  /** What one did oneself to selected flags is no news about them. */
  learn(flags) {
    for (const { flag_id: id, seq } of flags) {
      if (this.flags.has(id)) this.flags.set(id, Math.max(seq, this.flags.get(id)));
    }
  }

  /** Select every flag that is held of the queue. */
  selectHeld() {
    this.#set(this.#add(this.flags, this.store.ids));
  }

  /** Select all that the filters match, seen or not. */
  selectScope(filters, count, isGroup = false) {
    this.clear();
    this.scope = { filters, count, isGroup };
    this.onChange();
  }

  /** Whether every flag that is held of the queue is selected. */
  get isFull() {
    return Boolean(this.scope) || (this.store.ids.length > 0 && this.store.ids.every((id) => this.flags.has(id)));
  }

  /** What a route is told to act on. */
  get target() {
    if (this.scope) return { filters: this.scope.filters };
    return { flags: [...this.flags].map(([flag_id, seq]) => ({ flag_id, seq })) };
  }

  /** The flags held of the queue that are selected. */
  get heldIds() {
    return this.store.ids.filter((id) => this.has(this.store.row(id)));
  }

  /** A range reaches from here, beside what is selected by now. */
  #anchorAt(id) {
    Object.assign(this, { anchor: id, reached: id, base: this.flags });
  }

  #add(base, ids) {
    const flags = new Map(base);
    for (const id of ids) if (!flags.has(id)) flags.set(id, this.store.seenSeq(id));
    return flags;
  }

  #set(flags) {
    Object.assign(this, { flags, scope: null });
    this.onChange();
  }
}

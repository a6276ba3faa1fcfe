/**
 * Owns the run of the queue that is held here: ids of flags without a gap, and where the run stands in the whole
 * queue. The one rule: it never grows beyond `MOST`, however far one scrolls.
 */

export const PAGE = 100;

/** Rows asked for again beside the run, so that its place is known although rows came and went above it. */
export const OVERLAP = 20;

const MOST = 1_000;

export class Listing {
  constructor() {
    /** @type {string[]} */
    this.ids = [];
    /** How many flags of the queue stand above the run. */
    this.start = 0;
    /** Cursor of the page behind the run; null at the queue's end, or when `isCut`. */
    this.next = null;
    /** Flag that left → the one that stood behind it; by that it finds its place again, in any order. */
    this.followers = new Map();
    /** Whether rows below were given up, so that what follows is found by counting. */
    this.isCut = false;
  }

  get end() {
    return this.start + this.ids.length;
  }

  get isAtEnd() {
    return this.next === null && !this.isCut;
  }

  /** The flag at a place of the whole queue; undefined when it is not held. */
  at(place) {
    return this.ids[place - this.start];
  }

  /** The place of a flag in the whole queue, -1 when it is not held. */
  find(id) {
    const at = this.ids.indexOf(id);
    return at < 0 ? -1 : this.start + at;
  }

  /** Hold a page instead of all else. */
  replace(ids, { start = 0, next = null } = {}) {
    this.followers.clear();
    Object.assign(this, { ids, start, next, isCut: false });
  }

  /** Add the page that follows; what was known already stays where it is. */
  append(ids, next) {
    const known = new Set(this.ids);
    this.ids.push(...ids.filter((id) => !known.has(id)));
    Object.assign(this, { next, isCut: false });
    const surplus = Math.max(0, this.ids.length - MOST);
    this.ids.splice(0, surplus);
    this.start += surplus;
  }

  /** Add a page that begins at `start` and reaches into the run; false when it does not reach it. */
  prepend(ids, start) {
    const known = new Set(this.ids);
    const overlap = ids.findIndex((id) => known.has(id));
    if (overlap < 0) return false;
    const first = this.ids.indexOf(ids[overlap]);
    this.ids.splice(0, first, ...ids.slice(0, overlap));
    this.start = start;
    if (this.ids.length > MOST) this.#cut();
    return true;
  }

  /** Let a flag in before the place of another, or behind all. */
  insert(id, place) {
    this.followers.delete(id);
    this.ids.splice(place - this.start, 0, id);
  }

  remove(id) {
    const at = this.ids.indexOf(id);
    if (at < 0) return;
    this.followers.set(id, this.ids[at + 1] ?? null);
    this.ids.splice(at, 1);
  }

  /** Where a flag stood that has left: a place, -1 outside of the run, undefined when it never was in it. */
  recall(id) {
    let follower = this.followers.get(id);
    while (follower && !this.ids.includes(follower)) follower = this.followers.get(follower);
    if (follower === undefined) return undefined;
    if (follower === null) return this.isAtEnd ? this.end : -1;
    return this.find(follower);
  }

  #cut() {
    this.ids.length = MOST;
    Object.assign(this, { next: null, isCut: true });
  }
}

/**
 * Owns what the desk knows: filters, the queue's order, flags, cards, counts, the selection. The one rule: what is
 * shown is the server's newest word about a flag with the operations it has not acknowledged laid over it.
 */

import { get } from "./api.js";
import { isShown, readFilters, writeFilters } from "./filters.js";

const PAGE = 100;
const CARDS_KEPT = 100;
const CARDS_AHEAD = 12;

export class Store {
  /**
   * @param {import("./operations.js").Operations} operations
   * @param {() => void} onChange called after every change, as often as it happens
   */
  constructor(operations, onChange) {
    this.operations = operations;
    this.onChange = onChange;
    this.filters = readFilters(location.search);
    /** @type {Map<string, Object>} */
    this.models = new Map();
    /** @type {string[]} ids of the flags in the queue, as far as they were paged in, in its order */
    this.ids = [];
    this.next = null;
    this.isLoaded = false;
    /** @type {Error|null} why the queue could not be loaded */
    this.trouble = null;
    /** Whether the server answered when it was last asked for counts. */
    this.isReached = true;
    this.facets = null;
    this.views = {};
    this.selectedId = null;
    this.lastAt = 0;
    this.shownAt = 0;
    /** @type {Promise<void>|null} the page on its way */
    this.loading = null;
    this.generation = 0;
    this.truth = new Map();
    this.cards = new Map();
    this.cardErrors = new Map();
    this.cardsOnTheirWay = new Map();
  }

  /** A flag as it is shown; undefined when it was never seen. */
  row(id) {
    return this.#lay(this.truth.get(id));
  }

  /** A flag's card as it is shown; undefined until it has arrived. */
  card(id) {
    return this.#lay(this.cards.get(id));
  }

  /** View → number of flags, with the decisions that are on their way. */
  get counts() {
    const counts = { ...this.views };
    for (const id of new Set(this.operations.pending.map(({ flag_id }) => flag_id))) {
      if (this.truth.has(id)) this.#recount(counts, this.truth.get(id), this.row(id));
    }
    return counts;
  }

  /** The number of flags in the queue, also those not paged in. */
  get total() {
    return Math.max(this.counts[this.filters.view] ?? 0, this.ids.length);
  }

  /** Where the selected flag stands in the queue, -1 when it is not in it. */
  get position() {
    const at = this.ids[this.lastAt] === this.selectedId ? this.lastAt : this.ids.indexOf(this.selectedId);
    if (at >= 0) this.lastAt = at;
    return at;
  }

  /** Change view, filters or order and load the queue anew. */
  setFilters(change) {
    this.filters = { ...this.filters, ...change };
    writeFilters(this.filters);
    return this.reload();
  }

  /** Load the first page; answers to an earlier question that arrive late are ignored. */
  reload() {
    this.generation += 1;
    this.refreshFacets();
    return this.#load(null, (page) => {
      this.ids = this.#admit(page.flags);
      this.next = page.next;
      this.isLoaded = true;
      if (!this.ids.includes(this.selectedId)) this.select(this.ids[0] ?? null);
    });
  }

  /** Page in what follows, if anything does. */
  loadMore() {
    if (this.loading || !this.next) return this.loading;
    return this.#load(this.next, (page) => {
      const known = new Set(this.ids);
      this.ids.push(...this.#admit(page.flags).filter((id) => !known.has(id)));
      this.next = page.next;
      if (!this.selectedId) this.select(this.ids[0] ?? null);
    });
  }

  /** Look for news at the top of the queue; what was paged in below stays. */
  refreshHead() {
    return this.loading ?? this.#load(null, (page) => this.#mergeHead(page));
  }

  /** Count again; true when a count changed. */
  async refreshFacets() {
    const generation = this.generation;
    const facets = await get("facets", this.filters).catch(() => null);
    this.#noteReach(facets !== null);
    if (!facets || generation !== this.generation) return false;
    const isNew = JSON.stringify(facets) !== JSON.stringify(this.facets);
    this.facets = facets;
    this.views = { ...facets.views };
    this.onChange();
    return isNew;
  }

  /** Show a flag; its card and the next ones are fetched. */
  select(id) {
    if (id !== this.selectedId) this.shownAt = performance.now();
    this.selectedId = id;
    this.#prefetch();
    this.onChange();
  }

  /** Select the flag that stands `steps` further on, as far as there is one. */
  move(steps) {
    const at = this.position;
    const from = at >= 0 ? at : this.lastAt - (steps > 0 ? 1 : 0);
    const to = Math.min(Math.max(from + steps, 0), this.ids.length - 1);
    if (to >= 0) this.select(this.ids[to]);
  }

  /** Bring a flag up to date after an operation on it was queued, and go on to the next one. */
  advance(id) {
    const found = this.ids.indexOf(id);
    const at = found < 0 ? this.lastAt : found;
    this.place(id);
    const following = this.ids[at] === id ? at + 1 : at;
    this.select(this.ids[Math.min(following, this.ids.length - 1)] ?? null);
  }

  /** Let a flag enter or leave the queue after what is known of it has changed. */
  place(id) {
    const at = this.ids.indexOf(id);
    const belongs = isShown(this.row(id), this.filters);
    if (at >= 0 && !belongs) this.ids.splice(at, 1);
    if (at < 0 && belongs) this.#insert(id);
    this.onChange();
  }

  /** Take over a flag that the server sent as the answer to an operation. */
  learnCard(card) {
    const before = this.truth.get(card.flag_id);
    this.#learn(card);
    this.#keepCard(card);
    if (before) this.#recount(this.views, before, this.truth.get(card.flag_id));
    this.place(card.flag_id);
  }

  /** Fetch a flag's card unless it is here or on its way. */
  fetchCard(id) {
    if (this.cards.has(id)) return Promise.resolve();
    return this.refetchCard(id);
  }

  refetchCard(id) {
    if (!this.cardsOnTheirWay.has(id)) this.cardsOnTheirWay.set(id, this.#fetchCard(id));
    return this.cardsOnTheirWay.get(id);
  }

  async #fetchCard(id) {
    try {
      const card = await get(`flags/${encodeURIComponent(id)}`);
      this.#learn(card);
      this.#keepCard(card);
      this.cardErrors.delete(id);
    } catch (error) {
      this.cardErrors.set(id, error);
    }
    this.cardsOnTheirWay.delete(id);
    if (id === this.selectedId) this.onChange();
  }

  #noteReach(isReached) {
    if (isReached === this.isReached) return;
    this.isReached = isReached;
    this.onChange();
  }

  #keepCard(card) {
    if (card.seq < this.truth.get(card.flag_id).seq) return;
    this.cards.delete(card.flag_id);
    this.cards.set(card.flag_id, card);
    if (this.cards.size > CARDS_KEPT) this.cards.delete(this.cards.keys().next().value);
  }

  #prefetch() {
    const at = this.position;
    if (!this.selectedId) return;
    this.fetchCard(this.selectedId);
    if (at >= 0) this.ids.slice(at + 1, at + 1 + CARDS_AHEAD).forEach((id) => this.fetchCard(id));
    if (at + PAGE / 2 > this.ids.length) this.loadMore();
  }

  #lay(flag) {
    const waiting = flag ? this.operations.on(flag.flag_id) : [];
    return waiting.length ? Object.assign({}, flag, ...waiting.map(({ patch }) => patch)) : flag;
  }

  /** Keep the newest word about a flag: a page asked for before an answer may arrive after it. */
  #learn(flag) {
    const known = this.truth.get(flag.flag_id);
    if (!known || flag.seq >= known.seq) this.truth.set(flag.flag_id, { ...known, ...flag });
  }

  #admit(flags) {
    for (const flag of flags) {
      this.#learn(flag);
      if (isOlder(this.cards.get(flag.flag_id), flag)) this.refetchCard(flag.flag_id);
    }
    const belongs = (flag) => this.#isNews(flag) || isShown(this.row(flag.flag_id), this.filters);
    return flags.filter(belongs).map(({ flag_id }) => flag_id);
  }

  /** Whether nothing newer than this is known of the flag, so that the server's filters settle where it belongs. */
  #isNews({ flag_id, seq }) {
    return this.operations.on(flag_id).length === 0 && this.truth.get(flag_id).seq === seq;
  }

  #mergeHead(page) {
    const head = this.#admit(page.flags);
    const inHead = new Set(head);
    const lastCommon = this.ids.findLastIndex((id) => inHead.has(id));
    const isWhole = !page.next || lastCommon < 0;
    this.ids = isWhole ? head : [...head, ...this.ids.slice(lastCommon + 1)];
    if (isWhole || this.ids.length === head.length) this.next = page.next;
    if (!this.selectedId) this.select(this.ids[0] ?? null);
  }

  #insert(id) {
    const row = this.row(id);
    const at = this.ids.findIndex((other) => comesBefore(row, this.row(other), this.filters.sort));
    if (at >= 0) this.ids.splice(at, 0, id);
    else if (!this.next) this.ids.push(id);
  }

  #recount(counts, before, after) {
    for (const view of Object.keys(counts)) {
      const filters = { ...this.filters, view };
      counts[view] += isShown(after, filters) - isShown(before, filters);
    }
  }

  #load(after, take) {
    const generation = this.generation;
    const asked = [get("queue", { ...this.filters, after, limit: PAGE }), this.#loadModels()];
    const loading = Promise.all(asked)
      .then(([page]) => this.#takePage(page, generation, take))
      .catch((error) => {
        if (generation === this.generation) this.trouble = error;
      })
      .finally(() => {
        if (this.loading === loading) this.loading = null;
        this.onChange();
      });
    this.loading = loading;
    return loading;
  }

  /** Labels of inputs and units come from the models; without them no row is drawn. */
  async #loadModels() {
    if (this.models.size) return;
    const { models } = await get("models");
    this.models = new Map(models.map((model) => [model.name, model]));
  }

  #takePage(page, generation, take) {
    if (generation !== this.generation) return;
    this.loading = null;
    this.trouble = null;
    this.views = { ...this.views, [this.filters.view]: page.total };
    take(page);
  }
}

function isOlder(card, flag) {
  if (!card || card.seq > flag.seq) return false;
  return card.seq < flag.seq || card.comments !== flag.comments || card.verification !== flag.verification;
}

function comesBefore(row, other, sort) {
  const isNewer = row.flagged_at > other.flagged_at;
  if (sort === "newest") return isNewer;
  const [share, otherShare] = [row.confidence ?? Infinity, other.confidence ?? Infinity];
  return share < otherShare || (share === otherShare && isNewer);
}

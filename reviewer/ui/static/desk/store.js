/**
 * Owns what the desk knows: filters, the run of the queue in sight, flags, cards, counts, the flag on the card. The
 * one rule: what is shown is the server's newest word about a flag with the operations it has not acknowledged laid
 * over it.
 */

import { get } from "./api.js";
import { SORTS, isBefore, isShown, readFilters, readFlag, withSeed } from "./filters.js";
import { Listing, OVERLAP, PAGE } from "./listing.js";

const CARDS_KEPT = 100;

/** Cards held ready, and how few may be left before more are asked for: many at once cost little more than one. */
const CARDS_AHEAD = 24;
const CARDS_LEFT = 12;
const FLAGS_KEPT = 3_000;

/** How long a decision of somebody else must have been on the card to count as seen. */
const NOTICE_MS = 1_000;

export class Store {
  /**
   * @param {import("./operations.js").Operations} operations
   * @param {() => void} onChange called after every change, as often as it happens
   */
  constructor(operations, onChange) {
    this.operations = operations;
    this.onChange = onChange;
    this.filters = readFilters(location.search);
    this.selectedId = readFlag(location.search);
    this.person = "";
    /** @type {Map<string, Object>} */
    this.models = new Map();
    this.listing = new Listing();
    /** Flags that came in above what is in sight; they wait, so that nothing moves under the reader's eyes. */
    this.arrivals = new Set();
    /** Flags whose operations were answered since the queue was asked for: its page may be of before. */
    this.settled = new Set();
    /** The places in sight, set by the list. */
    this.sight = { first: 0, last: 0 };
    this.isLoaded = false;
    /** Counts how often the queue was read from its top. */
    this.epoch = 0;
    /** @type {Error|null} why the queue could not be loaded */
    this.trouble = null;
    /** Whether the server answered when it was last asked for news. */
    this.isReached = true;
    this.facets = null;
    /** The filters by which the views were counted. */
    this.countedFilters = null;
    this.views = {};
    /** Counts how often a flag was chosen, also the same one again: the list then brings it into sight. */
    this.choices = 0;
    this.lastAt = 0;
    this.shownAt = 0;
    /** @type {Promise<void>|null} the page on its way */
    this.loading = null;
    this.generation = 0;
    /** Up to where news are known. */
    this.token = null;
    /** Another text once somebody has changed the saved views. */
    this.viewsStamp = null;
    /** Another number once somebody has changed labels or options. */
    this.labelsStamp = null;
    /** @type {Object<string, string[]>} flag → who else looks at it now */
    this.present = {};
    /** Whether what is known may be out of date: the next page, whoever asked for it, is all that counts. */
    this.isStale = false;
    this.truth = new Map();
    this.cards = new Map();
    this.cardErrors = new Map();
    this.cardsOnTheirWay = new Map();
    /** Whether the next cards are on their way. */
    this.isFetchingAhead = false;
    /** The flags whose cards are needed next, the nearest first. */
    this.ahead = [];
    /** A decision of somebody else that reached the selected flag a moment ago. */
    this.unseen = null;
    this.revision = 0;
    this.counted = {};
  }

  /** A flag as it is shown; undefined when it was never seen. */
  row(id) {
    return this.#lay(this.truth.get(id));
  }

  /** A flag's card as it is shown; undefined until it has arrived. */
  card(id) {
    return this.#lay(this.cards.get(id));
  }

  /** The ids of the flags held of the queue, in its order. */
  get ids() {
    return this.listing.ids;
  }

  /** View → number of flags, with the decisions that are on their way. */
  get counts() {
    const state = `${this.revision} ${this.operations.revision}`;
    if (this.counted.state !== state) this.counted = { state, counts: this.#countViews() };
    return this.counted.counts;
  }

  /** The number of flags in the queue, also those not held. */
  get total() {
    const { isAtEnd, end } = this.listing;
    return isAtEnd ? end : Math.max(this.counts[this.filters.view] ?? 0, end);
  }

  /** Where the selected flag stands in the queue, -1 when it is not held. */
  get position() {
    const place = this.listing.at(this.lastAt) === this.selectedId ? this.lastAt : this.listing.find(this.selectedId);
    if (place >= 0) this.lastAt = place;
    return place;
  }

  /** The `seq` of a flag that the reviewer has seen: what changed it a moment ago is not read yet. */
  seenSeq(id) {
    const isUnseen = this.unseen?.id === id && performance.now() < this.unseen.until;
    return isUnseen ? this.unseen.seq : this.truth.get(id).seq;
  }

  /** Whether a flag as it stands belongs to what is looked at. */
  isShown(flag, filters = this.filters) {
    return isShown(flag, filters, this.person);
  }

  /** Change view, filters or order and load the queue anew; when it does not come, what was held is no answer. */
  async setFilters(change) {
    const filters = withSeed({ ...this.filters, ...change });
    this.filters = filters;
    this.lastAt = 0;
    await this.reload();
    if (this.trouble && filters === this.filters) this.#drop();
  }

  /**
   * Load the first page, or with `isAround` the one on which the selected flag stands; with `isKept` that flag stays
   * on the card wherever it is.
   */
  reload({ isKept = false, isAround = false } = {}) {
    this.generation += 1;
    this.arrivals.clear();
    this.settled.clear();
    this.refreshFacets();
    const place = isAround && this.selectedId ? { around: this.selectedId, limit: 2 * PAGE } : {};
    return this.#load(place, (page) => {
      this.listing.replace(this.#admit(page.flags), { start: page.flags.length ? page.skipped : 0, next: page.next });
      this.isLoaded = true;
      this.epoch += 1;
      for (const id of [...this.operations.flagIds, ...this.settled]) if (this.row(id)) this.place(id);
      if (!isKept || !this.selectedId) this.#selectHeld();
    });
  }

  #drop() {
    this.listing.replace([]);
    this.epoch += 1;
    this.select(null);
  }

  /** Load what stands around a place of the queue instead of what is held. */
  jump(place) {
    this.generation += 1;
    const skip = Math.max(0, Math.min(place, this.total - 1) - PAGE / 2);
    return this.#load({ skip, limit: 2 * PAGE }, (page) => {
      this.listing.replace(this.#admit(page.flags), { start: page.flags.length ? skip : 0, next: page.next });
    });
  }

  /** Page in what follows, if anything does. */
  loadBelow() {
    if (this.loading || this.listing.isAtEnd) return this.loading;
    return this.listing.isCut ? this.#loadCounted() : this.#loadNext();
  }

  /** Page in what stands above, if anything does. */
  loadAbove() {
    if (this.loading || this.listing.start === 0) return this.loading;
    const skip = Math.max(0, this.listing.start - PAGE);
    return this.#load({ skip, limit: this.listing.start - skip + OVERLAP }, (page) => {
      const ids = this.#admit(page.flags);
      if (!this.listing.prepend(ids, skip)) this.listing.replace(ids, { start: skip, next: page.next });
    });
  }

  /**
   * Ask what happened since the last time and take it over; true when anything did. After an own action on many flags
   * (`isOwn`) those that come back stand in the list at once.
   */
  async refreshNews({ isOwn = false } = {}) {
    const news = await get("news", { after: this.token, at: this.selectedId }).catch(() => null);
    this.#noteReach(news !== null);
    if (!news) return false;
    this.token = news.token;
    document.dispatchEvent(new CustomEvent("reviewer:unread", { detail: news.unread }));
    this.viewsStamp = news.views;
    const hasNewLabels = this.labelsStamp !== null && this.labelsStamp !== news.labels;
    this.labelsStamp = news.labels;
    if (hasNewLabels) await this.#relabel();
    this.#notePresent(news.present);
    if (news.is_more) await this.#lookAgain();
    else for (const flag of news.flags) this.#hear(flag, isOwn);
    if (news.flags.length) this.#settle();
    return news.is_more || news.flags.length > 0;
  }

  /** Let the flags in that came in above; the selected one stays. */
  showArrivals() {
    return this.reload({ isKept: true });
  }

  /** Count again. */
  async refreshFacets() {
    const { filters } = this;
    const facets = await get("facets", filters).catch(() => null);
    if (!facets || filters !== this.filters) return;
    this.facets = facets;
    this.countedFilters = filters;
    this.#setViews({ ...facets.views });
    this.onChange();
  }

  /** Show a flag; its card and the next ones are fetched. */
  select(id) {
    const left = this.selectedId;
    this.selectedId = id;
    this.choices += 1;
    if (id !== left) this.#turnFrom(left);
    this.#prefetch();
    this.onChange();
  }

  /** Select the flag that stands `steps` further on, as far as there is one. */
  async move(steps) {
    const hasLeft = this.position < 0 && this.listing.at(this.lastAt) !== undefined;
    const from = hasLeft && steps > 0 ? this.lastAt - 1 : this.lastAt;
    await this.moveTo(from + steps);
  }

  /** Select the flag at a place of the queue, or the one nearest to it. */
  async moveTo(place) {
    const to = Math.max(0, Math.min(place, this.total - 1));
    await this.#hold(to);
    this.lastAt = Math.max(this.listing.start, Math.min(to, this.listing.end - 1));
    const id = this.listing.at(this.lastAt);
    if (id) this.select(id);
  }

  /** Bring flags up to date after an operation on them was queued, and go on to the next one that is left. */
  advance(ids) {
    const at = this.position >= 0 ? this.position : this.lastAt;
    const isStaying = !ids.includes(this.selectedId);
    for (const id of ids) this.place(id);
    if (isStaying) return;
    const following = this.listing.at(at) === this.selectedId ? at + 1 : at;
    this.lastAt = Math.max(this.listing.start, Math.min(following, this.listing.end - 1));
    this.select(this.listing.at(this.lastAt) ?? null);
  }

  /** Let a flag enter or leave the queue after what is known of it has changed. */
  place(id) {
    const isHeld = this.listing.find(id) >= 0;
    const belongs = this.isShown(this.row(id));
    if (isHeld && !belongs) this.listing.remove(id);
    if (!isHeld && belongs) this.#insert(id);
    this.onChange();
  }

  /** Take over a flag that the server sent as the answer to an operation. */
  learnCard(card) {
    const before = this.truth.get(card.flag_id);
    this.#learn(card);
    this.#keepCard(card);
    this.settled.add(card.flag_id);
    if (before) this.#setViews(this.#recount({ ...this.views }, before, this.truth.get(card.flag_id)));
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
      this.#takeCard(await get(`flags/${encodeURIComponent(id)}`));
    } catch (error) {
      this.cardErrors.set(id, error);
    }
    this.cardsOnTheirWay.delete(id);
    if (id === this.selectedId) this.onChange();
    this.#fetchAhead();
  }

  #takeCard(card) {
    this.#learn(card);
    this.#keepCard(card);
    this.cardErrors.delete(card.flag_id);
  }

  /** Fetch the next cards together, once few of them are left. */
  #fetchAhead() {
    const isMissing = (id) => ![this.cards, this.cardsOnTheirWay, this.cardErrors].some((map) => map.has(id));
    const nearest = this.ahead.findIndex(isMissing);
    if (this.isFetchingAhead || nearest < 0 || nearest >= CARDS_LEFT) return;
    const ids = this.ahead.filter(isMissing);
    const fetching = this.#fetchTogether(ids);
    for (const id of ids) this.cardsOnTheirWay.set(id, fetching);
  }

  /** What does not come so is asked for by itself once it is selected, and then said to be missing. */
  async #fetchTogether(ids) {
    this.isFetchingAhead = true;
    const { cards } = await get("cards", { flag: ids }).catch(() => ({ cards: [] }));
    this.isFetchingAhead = false;
    for (const id of ids) this.cardsOnTheirWay.delete(id);
    for (const card of cards) this.#takeCard(card);
    if (ids.includes(this.selectedId)) {
      if (!this.cards.has(this.selectedId)) await this.refetchCard(this.selectedId);
      this.onChange();
    }
    if (cards.length) this.#fetchAhead();
  }

  /** Page in a place that is near, go to one that is far. */
  async #hold(place) {
    const { listing } = this;
    if (listing.at(place) !== undefined) return;
    if (this.loading) await this.loading;
    if (place >= listing.end && place < listing.end + PAGE) await this.loadBelow();
    else if (place < listing.start && place >= listing.start - PAGE) await this.loadAbove();
    if (listing.at(place) === undefined) await this.jump(place);
  }

  #noteReach(isReached) {
    if (isReached === this.isReached) return;
    this.isReached = isReached;
    this.onChange();
  }

  #notePresent(present) {
    if (JSON.stringify(present) === JSON.stringify(this.present)) return;
    this.present = present;
    this.onChange();
  }

  #setViews(views) {
    this.views = views;
    this.revision += 1;
  }

  /** What only the queue says of a flag, such as its priority, stands on its card too. */
  #keepCard(card) {
    const known = this.truth.get(card.flag_id);
    if (card.seq < known.seq) return;
    this.cards.delete(card.flag_id);
    this.cards.set(card.flag_id, { ...known, ...card });
    if (this.cards.size > CARDS_KEPT) this.cards.delete(this.cards.keys().next().value);
  }

  #prefetch() {
    const place = this.position;
    if (!this.selectedId) return;
    this.fetchCard(this.selectedId);
    if (place < 0) return;
    const at = place - this.listing.start;
    this.ahead = this.ids.slice(at + 1, at + 1 + CARDS_AHEAD);
    this.#fetchAhead();
    if (place + PAGE / 2 > this.listing.end) this.loadBelow();
    else if (at < PAGE / 2) this.loadAbove();
  }

  /** A flag that somebody else decided stays in the list while it is on the card. */
  #turnFrom(left) {
    this.shownAt = performance.now();
    this.unseen = null;
    if (left && this.listing.find(left) >= 0 && !this.isShown(this.row(left))) this.listing.remove(left);
  }

  #lay(flag) {
    const waiting = flag ? this.operations.on(flag.flag_id) : [];
    return waiting.length ? Object.assign({}, flag, ...waiting.map(({ patch }) => patch)) : flag;
  }

  /** Keep the newest word about a flag: a page asked for before an answer may arrive after it. */
  #learn(flag) {
    const known = this.truth.get(flag.flag_id);
    if (known && flag.seq < known.seq) return;
    this.truth.set(flag.flag_id, { ...known, ...flag });
    this.revision += 1;
  }

  /** Take over what the server says of a flag; a card that says less is fetched again. */
  #update(flag) {
    this.#learn(flag);
    if (isOlder(this.cards.get(flag.flag_id), flag)) this.refetchCard(flag.flag_id);
  }

  #admit(flags) {
    flags.forEach((flag) => this.#update(flag));
    const belongs = (flag) => this.#isNews(flag) || this.isShown(this.row(flag.flag_id));
    return flags.filter(belongs).map(({ flag_id }) => flag_id);
  }

  /** Whether nothing newer than this is known of the flag, so that the server's filters settle where it belongs. */
  #isNews({ flag_id, seq }) {
    return this.operations.on(flag_id).length === 0 && this.truth.get(flag_id).seq === seq;
  }

  #hear(flag, isOwn) {
    const id = flag.flag_id;
    const known = this.truth.get(id);
    const isHeld = this.listing.find(id) >= 0;
    const wasShown = known && this.isShown(this.row(id));
    if (id === this.selectedId) this.#noteUnseen(known, flag);
    if (known || this.isShown(flag)) this.#update(flag);
    if (known) this.#setViews(this.#recount({ ...this.views }, known, this.truth.get(id)));
    const belongs = this.truth.has(id) && this.isShown(this.row(id));
    if (!belongs) this.arrivals.delete(id);
    if (isHeld && wasShown && !belongs && id !== this.selectedId) this.listing.remove(id);
    if (!isHeld && belongs) this.#receive(id, isOwn);
  }

  #noteUnseen(known, flag) {
    if (!known || flag.seq <= known.seq || this.operations.on(flag.flag_id).length) return;
    this.unseen = { id: flag.flag_id, seq: known.seq, until: performance.now() + NOTICE_MS };
  }

  /** Let a flag in below what is in sight; above it, it waits to be asked for. */
  #receive(id, isOwn) {
    const place = this.#findPlace(id) ?? (this.#isNewest(id) ? this.listing.start : -1);
    if (place < 0) return;
    const isUnnoticed = place > this.sight.last || place === this.listing.end;
    if (isOwn || isUnnoticed) this.listing.insert(id, place);
    else this.arrivals.add(id);
  }

  #isNewest(id) {
    const { flagged_at: moment } = this.truth.get(id);
    return this.ids.every((other) => this.truth.get(other).flagged_at < moment);
  }

  /** After news: nothing to look at is worse than a list that moves; a page on its way brings what to look at. */
  #settle() {
    if (!this.loading && !this.ids.length && this.arrivals.size) this.reload();
    else if (!this.loading && !this.selectedId) this.#selectHeld();
    this.onChange();
  }

  #selectHeld() {
    if (this.listing.find(this.selectedId) < 0) this.select(this.listing.at(this.listing.start) ?? null);
    else this.select(this.selectedId);
  }

  #insert(id) {
    const back = Math.max(this.listing.start, Math.min(this.lastAt, this.listing.end));
    const place = this.#findPlace(id) ?? back;
    this.arrivals.delete(id);
    if (place >= 0) this.listing.insert(id, place);
  }

  /** Where a flag belongs: a place among those held, -1 outside of them, null where only the server can tell. */
  #findPlace(id) {
    const { sort } = this.filters;
    const { ids, start, end, isAtEnd } = this.listing;
    const recalled = this.listing.recall(id);
    if (recalled !== undefined) return recalled;
    const row = this.row(id);
    if (SORTS[sort](row) === null) return null;
    const at = ids.findIndex((other) => isBefore(row, this.row(other), sort));
    if (at < 0) return isAtEnd ? end : -1;
    return at === 0 && start > 0 ? -1 : start + at;
  }

  #countViews() {
    const counts = { ...this.views };
    for (const id of this.operations.flagIds) {
      if (this.truth.has(id)) this.#recount(counts, this.truth.get(id), this.row(id));
    }
    return counts;
  }

  #recount(counts, before, after) {
    for (const view of Object.keys(counts)) {
      const filters = { ...this.filters, view };
      counts[view] += this.isShown(after, filters) - this.isShown(before, filters);
    }
    return counts;
  }

  #loadNext() {
    return this.#load({ after: this.listing.next }, (page) => {
      this.listing.append(this.#admit(page.flags), page.next);
      if (!this.selectedId) this.#selectHeld();
    });
  }

  #loadCounted() {
    const skip = Math.max(this.listing.start, this.listing.end - OVERLAP);
    return this.#load({ skip, limit: PAGE + OVERLAP }, (page) => {
      const ids = this.#admit(page.flags);
      const isJoined = ids.some((id) => this.listing.find(id) >= 0);
      if (isJoined) this.listing.append(ids, page.next);
      else this.listing.replace(ids, { start: skip, next: page.next });
    });
  }

  /** Labels or options have other names: everything is read anew where one stands, what is typed stays. */
  async #relabel() {
    this.models.clear();
    await this.#lookAgain();
    await this.refreshFacets();
  }

  /** So much happened that it is read anew where one stands, and what is not read is not known any more. */
  async #lookAgain() {
    this.arrivals.clear();
    this.isStale = true;
    await this.jump(this.sight.first + PAGE / 2);
    if (this.selectedId) await this.refetchCard(this.selectedId);
  }

  #load(parameters, take) {
    const generation = this.generation;
    const asked = [get("queue", { ...this.filters, limit: PAGE, counted: false, ...parameters }), this.#loadModels()];
    const loading = Promise.all(asked)
      .then(([page]) => this.#takePage(page, generation, take))
      .catch((error) => {
        if (!("isPassing" in error)) reportError(error);
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
    this.token ??= page.token;
    this.labelsStamp ??= page.labels;
    if (this.isStale) [this.truth, this.cards].forEach((known) => known.clear());
    this.isStale = false;
    // A total that only a scan finds comes with the counts; until then there are as many as are held.
    const counted = this.countedFilters === this.filters ? this.views[this.filters.view] : 0;
    this.#setViews({ ...this.views, [this.filters.view]: page.total ?? counted });
    take(page);
    if (this.truth.size > FLAGS_KEPT) this.#forget();
  }

  /** Forget the flags that are neither held nor needed; they are asked for again when they are. */
  #forget() {
    const needed = [this.ids, this.arrivals, this.cards.keys(), this.operations.flagIds, [this.selectedId]];
    const kept = new Set(needed.flatMap((ids) => [...ids]));
    for (const id of this.truth.keys()) if (!kept.has(id)) this.truth.delete(id);
  }
}

function isOlder(card, flag) {
  if (!card || card.seq > flag.seq) return false;
  return card.seq < flag.seq || ["comments", "verification", "group_size", "status", "claimed_until"].some((name) => card[name] !== flag[name]);
}

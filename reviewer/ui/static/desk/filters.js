/**
 * Owns what is being looked at: view, filters, order, and their place in the page's address. The one rule:
 * parameters of the address that are not ours stay as they are.
 */

import { toSearch } from "./api.js";

/** View → whether it shows a flag; `me` is the person who looks. */
export const VIEWS = {
  open: ({ status }) => status === "open" || status === "needs_info",
  mine: ({ status, assignee }, me) => assignee === me && status !== "resolved",
  in_review: ({ status }) => status === "in_review",
  mentions: ({ mentions }, me) => Boolean(mentions?.includes(me)),
  second_review: ({ status }) => status === "second_review",
  disagreements: ({ status }) => status === "disagreement",
  done: ({ status }) => status === "resolved",
  needs_label: ({ needs_label }) => needs_label,
  gold: ({ gold_by: maker }) => maker !== null && maker !== undefined,
  all: () => true,
};

/** Views that are offered only while they hold something. */
const RARE_VIEWS = new Set(["needs_label", "gold"]);

/** The views that are offered; what the server does not count is not for the person who looks. */
export const listViews = (counts, open) =>
  Object.keys(VIEWS).filter((view) => !RARE_VIEWS.has(view) || view === open || counts[view] > 0);

const SEVERITIES = ["high", "medium", "low", ""];

/** Order → the key of a flag in it, the smallest first; null where only the server can tell. */
export const SORTS = {
  newest: ({ flagged_at }) => -Date.parse(flagged_at),
  oldest: ({ flagged_at }) => Date.parse(flagged_at),
  priority: ({ priority }) => -priority,
  least_confident: ({ confidence }) => confidence ?? 2,
  confident_wrong: () => null,
  most_reported: ({ group_size }) => -group_size,
  severity: ({ severity }) => SEVERITIES.indexOf(severity ?? ""),
  likely_wrong: () => null,
  random: () => null,
};

/** Whether a flag stands before another; of equal ones the newer id is the first, or the last among the oldest. */
export function isBefore(row, other, sort) {
  const [key, otherKey] = [row, other].map(SORTS[sort]);
  if (key !== otherKey) return key < otherKey;
  return sort === "oldest" ? row.flag_id < other.flag_id : row.flag_id > other.flag_id;
}

/** Facet → whether several of its values may be chosen together. */
export const FACETS = {
  model: true,
  version: true,
  option: true,
  severity: true,
  predicted: true,
  assignee: true,
  resolution: false,
  verification: false,
  source: true,
};

const DEFAULTS = {
  view: "open",
  sort: "newest",
  seed: null,
  text: "",
  confidence_min: null,
  confidence_max: null,
  group: "",
};
const NAMES = [...Object.keys(DEFAULTS), ...Object.keys(FACETS)];
const LARGEST_SEED = 1_000_000;

/** No filter: the open flags, newest first. */
export function emptyFilters() {
  return { ...DEFAULTS, ...Object.fromEntries(Object.keys(FACETS).map((facet) => [facet, []])) };
}

/** Read the filters from a query; what makes no sense there counts as not given. */
export function readFilters(search) {
  const given = new URLSearchParams(search);
  const filters = emptyFilters();
  for (const facet of Object.keys(FACETS)) filters[facet] = given.getAll(facet);
  if (Object.hasOwn(VIEWS, given.get("view"))) filters.view = given.get("view");
  if (Object.hasOwn(SORTS, given.get("sort"))) filters.sort = given.get("sort");
  filters.text = given.get("text") ?? "";
  filters.group = given.get("group") ?? "";
  filters.confidence_min = readShare(given.get("confidence_min"));
  filters.confidence_max = readShare(given.get("confidence_max"));
  return withSeed({ ...filters, seed: Number.parseInt(given.get("seed"), 10) || null });
}

/** The filters with a random order's seed; it stays the same while one looks, and whoever gets the link has it too. */
export function withSeed(filters) {
  if (filters.sort !== "random") return { ...filters, seed: null };
  return { ...filters, seed: filters.seed ?? 1 + Math.floor(Math.random() * LARGEST_SEED) };
}

/** The filters as a query, without what is as always. */
export function writeQuery(filters) {
  return toSearch(Object.fromEntries(Object.entries(filters).filter(([name, value]) => value !== DEFAULTS[name])));
}

/** Write the filters and the selected flag into the page's address, without a new step in its history. */
export function writeAddress(filters, flagId) {
  const own = new URLSearchParams(`tab=review&${writeQuery(filters)}`);
  if (flagId) own.set("flag", flagId);
  replaceAddress(own);
}

/** Take all that is the desk's out of the page's address. */
export const clearAddress = () => replaceAddress(new URLSearchParams());

function replaceAddress(own) {
  const url = new URL(location.href);
  [...NAMES, "flag", "tab"].forEach((name) => url.searchParams.delete(name));
  own.forEach((value, name) => url.searchParams.append(name, value));
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}

/** The flag that the page's address names, if any. */
export const readFlag = (search) => new URLSearchParams(search).get("flag");

/** A share typed by a person or found in the address: 0 to 1, or null. */
export function readShare(typed) {
  const share = Number(String(typed ?? "").trim().replace(",", ".") || NaN);
  return share >= 0 && share <= 1 ? share : null;
}

/** Return the filters with one value of a facet switched. */
export function toggleFacet(filters, facet, value) {
  const chosen = filters[facet];
  if (chosen.includes(value)) return { ...filters, [facet]: chosen.filter((each) => each !== value) };
  return { ...filters, [facet]: FACETS[facet] ? [...chosen, value] : [value] };
}

/** Whether anything but view and order narrows the queue. */
export function isFiltered(filters) {
  return writeQuery({ ...filters, view: "open", sort: "newest", seed: null }) !== "";
}

/** Whether a flag belongs to what `me` looks at, as far as the browser can tell; the server has the last word. */
export function isShown(flag, filters, me) {
  return (
    !flag.is_withdrawn &&
    VIEWS[filters.view](flag, me) &&
    Object.keys(FACETS).every((facet) => isChosen(filters[facet], flag[COLUMNS[facet] ?? facet])) &&
    (filters.group === "" || flag.group_id === filters.group) &&
    isWithin(flag.confidence, filters.confidence_min, filters.confidence_max) &&
    isSaid(flag, filters.text.trim().toLowerCase())
  );
}

/** The facets whose column in a flag has another name. */
const COLUMNS = { version: "model_version", predicted: "predicted_label" };

const isChosen = (chosen, value) => chosen.length === 0 || chosen.includes(value);

function isWithin(share, low, high) {
  if (low === null && high === null) return true;
  return share !== null && share >= (low ?? 0) && share <= (high ?? 1);
}

function isSaid(flag, words) {
  if (words === "") return true;
  const said = [flag.preview, flag.comment, flag.predicted_label, flag.suggested_label, flag.corrected_label];
  return said.some((each) => (each ?? "").toLowerCase().includes(words));
}

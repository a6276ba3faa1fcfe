/**
 * Owns what is being looked at: view, filters, order, and their place in the page's address. The one rule:
 * parameters of the address that are not ours stay as they are.
 */

import { toSearch } from "./api.js";

/** View → the statuses it shows. */
export const VIEWS = {
  open: ["open", "needs_info"],
  in_review: ["in_review"],
  done: ["resolved"],
  all: ["open", "in_review", "needs_info", "resolved"],
};

export const SORTS = ["newest", "least_confident"];

/** Facet → whether several of its values may be chosen together. */
export const FACETS = {
  model: true,
  version: true,
  option: true,
  predicted: true,
  resolution: false,
  verification: false,
  source: true,
};

const DEFAULTS = { view: "open", sort: "newest", text: "", confidence_min: null, confidence_max: null };
const NAMES = [...Object.keys(DEFAULTS), ...Object.keys(FACETS)];

/** No filter: the open flags, newest first. */
export function emptyFilters() {
  return { ...DEFAULTS, ...Object.fromEntries(Object.keys(FACETS).map((facet) => [facet, []])) };
}

/** Read the filters from a page's address; what makes no sense there counts as not given. */
export function readFilters(search) {
  const given = new URLSearchParams(search);
  const filters = emptyFilters();
  for (const facet of Object.keys(FACETS)) filters[facet] = given.getAll(facet);
  if (Object.hasOwn(VIEWS, given.get("view"))) filters.view = given.get("view");
  if (SORTS.includes(given.get("sort"))) filters.sort = given.get("sort");
  filters.text = given.get("text") ?? "";
  filters.confidence_min = readShare(given.get("confidence_min"));
  filters.confidence_max = readShare(given.get("confidence_max"));
  return filters;
}

/** Write the filters into the page's address, without a new step in its history. */
export function writeFilters(filters) {
  const url = new URL(location.href);
  NAMES.forEach((name) => url.searchParams.delete(name));
  const set = Object.entries(filters).filter(([name, value]) => value !== DEFAULTS[name]);
  const own = new URLSearchParams(toSearch(Object.fromEntries(set)));
  own.forEach((value, name) => url.searchParams.append(name, value));
  if (set.length) url.searchParams.set("tab", "review"); // where a shared link should open
  history.replaceState(history.state, "", url);
}

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
  return toSearch({ ...filters, view: "", sort: "" }) !== "";
}

/** Whether a flag belongs to what is looked at, as far as the browser can tell; the server has the last word. */
export function isShown(flag, filters) {
  return (
    !flag.is_withdrawn &&
    VIEWS[filters.view].includes(flag.status) &&
    Object.keys(FACETS).every((facet) => isChosen(filters[facet], flag[COLUMNS[facet] ?? facet])) &&
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
  const said = [flag.preview, flag.comment, flag.predicted_label, flag.suggested_label, flag.corrected_label];
  return said.some((each) => (each ?? "").toLowerCase().includes(words));
}

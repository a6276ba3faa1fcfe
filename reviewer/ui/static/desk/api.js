/**
 * Owns the calls to the server. The one rule: a failed call throws an `ApiError` whose message is a
 * sentence that can be shown as it is.
 */

import { text } from "./texts.js";

const ROOT = new URL("../../api/", import.meta.url);
const PATIENCE_MS = 30_000;

/** A call the server refused (`status` ≥ 400) or never answered (`status` 0). */
export class ApiError extends Error {
  constructor(message, status = 0, body = {}) {
    super(message);
    this.status = status;
    this.body = body;
  }

  /** Whether the same call may succeed later without a change. */
  get isPassing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** GET a path below /api; `parameters` may hold lists, empty values are left out. */
export function get(path, parameters = {}) {
  const url = new URL(path, ROOT);
  url.search = toSearch(parameters);
  return call(url, {});
}

/** POST a JSON body to a path below /api. */
export function post(path, body) {
  return call(new URL(path, ROOT), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** DELETE what a path below /api names. */
export const remove = (path) => call(new URL(path, ROOT), { method: "DELETE" });

/** Write filters as a query; lists repeat their name. */
export function toSearch(parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of [value].flat()) {
      if (each !== null && each !== undefined && each !== "") search.append(name, each);
    }
  }
  return search.toString();
}

async function call(url, options) {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => {
    throw new ApiError(text("desk.error.offline"));
  });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new ApiError(body.error ?? text("desk.error.status", { status: answer.status }), answer.status, body);
}

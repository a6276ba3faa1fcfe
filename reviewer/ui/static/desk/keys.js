/**
 * Owns the keyboard. The one rule: `KEYS` is the only place that says which key does what; the handler, the
 * buttons and the help overlay all read it.
 */

/** Action → its keys, the one to print first. Digits belong to the labels. */
export const KEYS = {
  next: ["j", "ArrowDown"],
  previous: ["k", "ArrowUp"],
  skip: ["s"],
  labels: ["l"],
  value: ["v"],
  prediction_correct: ["c"],
  ambiguous: ["a"],
  bad_input: ["b"],
  out_of_scope: ["o"],
  duplicate: ["d"],
  not_reproducible: ["r"],
  app_bug: ["p"],
  wont_fix: ["w"],
  needs_info: ["n"],
  in_review: ["i"],
  comment: ["m"],
  undo: ["u"],
  search: ["/"],
  previous_view: ["["],
  next_view: ["]"],
  help: ["?"],
};

/** The keys of a card's labels. */
export const LABEL_KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

const REPEATING = new Set(["next", "previous"]);
const ACTIONS = new Map(Object.entries(KEYS).flatMap(([action, keys]) => keys.map((key) => [key, action])));
const CODES = { Slash: "/", BracketLeft: "[", BracketRight: "]" };
const PRINTED = { ArrowDown: "↓", ArrowUp: "↑" };

/** The key of an action as it is printed. */
export const printKey = (key) => PRINTED[key] ?? key;

/** The key of one of a card's labels, if it has one; labels are ordered by probability. */
export function findLabelKey(labels, label) {
  return areDigits(labels) ? label : LABEL_KEYS[labels.indexOf(label)];
}

/** The label that a key stands for on a card. */
export function findLabel(labels, key) {
  return labels.find((label) => findLabelKey(labels, label) === key);
}

/** Who sees an 8 presses 8, whatever its rank: labels that are digits are their own keys. */
const areDigits = (labels) => labels.every((label) => LABEL_KEYS.includes(label));

/**
 * Call `perform(action, key)` for each key that means something; the action of a digit is `label`.
 * @param {{ isListening: () => boolean, perform: (action: string, key: string) => void, signal: AbortSignal }} desk
 */
export function listenToKeys({ isListening, perform, signal }) {
  const onKey = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.isComposing) return;
    if (isTyping(event.target) || !isListening()) return;
    const key = readKey(event);
    const action = ACTIONS.get(key) ?? (LABEL_KEYS.includes(key) ? "label" : null);
    if (!action) return;
    event.preventDefault();
    if (event.repeat && !REPEATING.has(action)) return;
    perform(action, key);
  };
  document.addEventListener("keydown", onKey, { signal });
}

/** The key that was meant: what it types, or, on a keyboard that types other letters there, what stands on it. */
function readKey({ key, code, shiftKey }) {
  const isMeant = (typed) => ACTIONS.has(typed) || LABEL_KEYS.includes(typed);
  const isLetter = /^\p{L}$/u.test(key);
  if (isLetter && shiftKey) return null;
  if (isMeant(key.toLowerCase())) return key.toLowerCase();
  if (isMeant(key)) return key;
  if (/^[a-z]$/i.test(key)) return null;
  if (code === "Slash" && shiftKey) return "?";
  return CODES[code] ?? code.match(/^(?:Key|Digit)([A-Z0-9])$/)?.[1].toLowerCase() ?? null;
}

function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]");
}

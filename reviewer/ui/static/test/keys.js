/* Keys of the test tab: Enter predicts, a number presses the flag option of that place.
 * The rule: no number fires while somebody types in a field. */

const TYPING = 'textarea, select, [contenteditable="true"], [role=grid], .cm-editor, input:not([type=range], [type=checkbox], [type=radio])';
const HAS_OWN_ENTER = 'textarea, button, a, summary, [role=combobox], [role=option], [role=grid], .cm-editor, input[type=text]';

function findVisible(selector) {
  return [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility({ visibilityProperty: true }));
}

/** Say which key presses an option, once somebody comes to it; the style sheet draws the number. */
function tellKey({ target }) {
  const option = target.closest?.(".flag-option");
  const place = option ? findVisible(".flag-option").indexOf(option) + 1 : 0;
  if (place >= 1 && place <= 9) option.setAttribute("aria-keyshortcuts", place);
}

function press(event, button) {
  if (!button) return;
  event.preventDefault();
  button.click();
}

/** Leave the field, so that its value counts and the next number key flags. */
function leaveField(event) {
  setTimeout(() => event.target.blur?.());
}

function handleKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.repeat) return;
  if (event.key === "Enter" && event.target.closest?.(".model-panel .tall-textbox")) leaveField(event);
  else if (event.key === "Enter" && !event.target.closest?.(HAS_OWN_ENTER)) pressPredict(event);
  else if (/^[1-9]$/.test(event.key) && !event.target.closest?.(TYPING))
    press(event, findVisible(".flag-option")[Number(event.key) - 1]);
}

function pressPredict(event) {
  const [button] = findVisible(".predict");
  if (!button) return;
  event.preventDefault();
  event.target.blur?.();
  setTimeout(() => button.click()); // after the field has told its value
}

document.addEventListener("keydown", handleKey);
document.addEventListener("focusin", tellKey);

/* Keys of the test tab: a number presses the flag option of that place.
 * The rule: nothing fires while somebody types in a field. */

const TYPING = 'input, textarea, select, [contenteditable="true"], .cm-editor';

function listOptions() {
  return [...document.querySelectorAll('.flag-option')].filter((button) => button.offsetParent !== null);
}

function showNumbers() {
  listOptions().forEach((button, place) => {
    const number = String(place + 1);
    if (button.dataset.key !== number) {
      button.dataset.key = number;
      button.setAttribute('aria-keyshortcuts', number);
    }
  });
}

function pressOption(event) {
  const hasModifier = event.ctrlKey || event.altKey || event.metaKey;
  if (hasModifier || event.repeat || event.target.closest?.(TYPING)) return;
  const button = listOptions()[Number(event.key) - 1];
  if (!button || !/^[1-9]$/.test(event.key)) return;
  event.preventDefault();
  button.click();
}

document.addEventListener('keydown', pressOption);
new MutationObserver(showNumbers).observe(document.body, { childList: true, subtree: true });
showNumbers();

/* A drawing area that is ready to draw on: Gradio's starts with no tool chosen.
 * The rule: the brush is chosen only while the area shows its hint to do so. */

const HINT = ".drawing .empty";
const BRUSH = ".half-container button";

let isAsked = false;

/** Look once before the next painting, when the layout that it asks for is made anyway. */
function lookSoon() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(chooseBrush);
}

function chooseBrush() {
  isAsked = false;
  for (const hint of document.querySelectorAll(HINT)) {
    const brush = hint.closest(".drawing").querySelector(BRUSH);
    if (brush && hint.offsetParent !== null && !brush.classList.contains("highlight")) brush.click();
  }
}

new MutationObserver(lookSoon).observe(document.body, { childList: true, subtree: true });
chooseBrush();

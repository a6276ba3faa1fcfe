/**
 * Owns how one figure is drawn in its frame. The one rule: nothing is listened to but the figure that the card
 * sends, and nothing in it leads anywhere.
 */

const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtonsToRemove: ["toImage"], // the frame may not save files
};

/** A figure fills its frame, whatever size it was made for. */
const FITTED = { autosize: true, width: undefined, height: undefined };

addEventListener("message", ({ data: figure, ports: [port], source }) => {
  if (source === parent) draw(figure).catch((error) => port?.postMessage(String(error)));
});

// A link in a title would open in the frame.
addEventListener("click", (event) => event.target.closest?.("a") && event.preventDefault(), { capture: true });

async function draw({ data, layout, frames }) {
  await Plotly.newPlot("plot", { data, layout: { ...layout, ...FITTED }, frames, config: CONFIG });
}

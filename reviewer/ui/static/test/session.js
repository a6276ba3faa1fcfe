/* The cookie by which the server knows this browser's list of predictions again after a reload.
 * The rule: the id is random and long, so that nobody can guess another one's; it ends with the browser. */

const NAME = "reviewer_session";

function makeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

if (!document.cookie.split("; ").some((each) => each.startsWith(`${NAME}=`))) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const path = new URL(document.baseURI).pathname;
  document.cookie = `${NAME}=${makeId()}; Path=${path}; SameSite=Strict${secure}`;
}

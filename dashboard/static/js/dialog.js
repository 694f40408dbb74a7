// The questions the page asks: one dialog to confirm and explain, one for the control token, which may
// have to open above the first.

import { byId, setText } from "./dom.js";

const dialog = byId("dialog");
const tokenDialog = byId("token-dialog");

const REFRESH_MS = 300;
// Work that outlives its dialog must not write into the next one.
let asked = 0;

// Resolves to true or false.  `text` may be a function: then it is told anew while the person thinks.
// `work(say)` runs after "yes" while the dialog stays open and shows what `say(sentence, wrong)` tells;
// it resolves to the title that the dialog ends with.  `link` is a file to take first: `{text, href}`.
export function ask({ title, text, yes = "OK", no = "Cancel", look = false, work = null, link = null }) {
  if (dialog.open) return Promise.resolve(false);
  const [progress, accept, reject] = ["dialog-progress", "dialog-yes", "dialog-no"].map(byId);
  setText(byId("dialog-title"), title);
  const tell = () => setText(byId("dialog-text"), typeof text === "function" ? text() : text);
  tell();
  const telling = setInterval(tell, REFRESH_MS);
  const more = byId("dialog-link");
  more.hidden = !link;
  if (link) [more.textContent, more.href] = [link.text, link.href];
  setText(accept, yes);
  setText(reject, no);
  setText(progress, "");
  progress.classList.remove("bad");
  reject.hidden = !no;
  accept.disabled = false;
  accept.hidden = false;
  const mine = ++asked;
  const mayTell = () => dialog.open && mine === asked;
  accept.classList.toggle("look", look);
  dialog.returnValue = "no";
  const accepted = async (event) => {
    if (!work) return;
    event.preventDefault();
    clearInterval(telling);
    accept.disabled = true;
    setText(reject, "Close");
    const ending = await work((sentence, wrong = false) => {
      if (!mayTell()) return;
      setText(progress, sentence);
      progress.classList.toggle("bad", wrong);
    });
    if (!mayTell()) return;
    setText(byId("dialog-title"), ending);
    accept.hidden = true;
    reject.focus();
  };
  accept.addEventListener("click", accepted);
  return shown(dialog, no ? reject : accept).finally(() => {
    clearInterval(telling);
    accept.removeEventListener("click", accepted);
  });
}

// Resolves to what was typed, or null when the person gave up; `why` says what was wrong with the last one.
export async function askForToken(why) {
  if (tokenDialog.open) return null;
  const field = byId("token");
  byId("token-wrong").hidden = !why;
  setText(byId("token-wrong"), why);
  field.value = "";
  tokenDialog.returnValue = "no";
  const said = await shown(tokenDialog, field);
  const token = field.value.trim();
  field.value = "";
  return said && token ? token : null;
}

function shown(node, focused) {
  return new Promise((resolve) => {
    node.addEventListener("close", () => resolve(node.returnValue === "yes"), { once: true });
    node.showModal();
    focused.focus();
  });
}

export const isOpen = () => dialog.open || tokenDialog.open;

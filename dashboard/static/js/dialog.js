// One dialog for every question the page asks: confirm, help, the control token.

import { byId, setText } from "./dom.js";

const dialog = byId("dialog");

// Resolves to true or false, or with `secret` to the text that was typed, or null.
// `work(say)` runs after "yes" while the dialog stays open and shows what `say` tells.
export function ask({ title, text, yes = "OK", no = "Cancel", look = false, secret = false, work = null }) {
  if (dialog.open) return Promise.resolve(secret ? null : false);
  const [input, progress, accept, reject] = ["dialog-input", "dialog-progress", "dialog-yes", "dialog-no"].map(byId);
  setText(byId("dialog-title"), title);
  setText(byId("dialog-text"), text);
  setText(accept, yes);
  setText(reject, no);
  setText(progress, "");
  progress.classList.remove("bad");
  reject.hidden = !no;
  accept.disabled = false;
  accept.classList.toggle("look", look);
  input.hidden = !secret;
  input.value = "";
  dialog.returnValue = "no";
  return new Promise((resolve) => {
    const accepted = async (event) => {
      if (!work) return;
      event.preventDefault();
      accept.disabled = true;
      setText(reject, "Close");
      reject.hidden = false;
      await work((sentence, wrong = false) => {
        setText(progress, sentence);
        progress.classList.toggle("bad", wrong);
      });
    };
    accept.addEventListener("click", accepted);
    dialog.addEventListener("close", () => {
      accept.removeEventListener("click", accepted);
      const said = dialog.returnValue === "yes";
      resolve(secret ? (said && input.value.trim() ? input.value.trim() : null) : said);
      input.value = "";
    }, { once: true });
    dialog.showModal();
    (secret ? input : reject.hidden ? accept : reject).focus();
  });
}

export const isOpen = () => dialog.open;

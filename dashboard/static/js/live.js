// The live stream: one connection, whole statuses and what changed since, and the honest word about the
// connection itself.  A hidden tab closes its stream and does nothing.

const SILENT_MS = 1500;
const REOPEN_MS = 4000;
const LOOK_MS = 250;
const BY_NAME = ["symbols", "processes", "rings"];

export class Live {
  // `onStatus(status)` at most once per frame; `onLines(lines)` with new lines of the log;
  // `onLink(state, silentMs)` with "live" or "lost"; `onRefused()` when the server wants to know who looks.
  constructor(path, { onStatus, onLines, onLink, onRefused }) {
    Object.assign(this, { path, onStatus, onLines, onLink, onRefused });
    this.heard = performance.now();
    this.opened = 0;
    this.frame = 0;
    this.state = null;
    this.asking = false;
    document.addEventListener("visibilitychange", () => {
      this.heard = performance.now(); // Silence while hidden was our own wish.
      if (document.hidden) this.close();
      else this.open();
    });
    setInterval(() => this.look(), LOOK_MS);
    if (!document.hidden) this.open();
  }

  open() {
    this.close();
    this.opened = performance.now();
    this.state = null;
    this.source = new EventSource(this.path);
    this.on("status", (status) => (this.state = status));
    // What comes before the first whole status has nothing to be applied to.
    this.on("patch", (patch) => this.state && patched(this.state, patch));
    this.on("logs", ({ lines }) => this.onLines(lines));
  }

  on(name, take) {
    this.source.addEventListener(name, (event) => {
      this.heard = performance.now();
      take(JSON.parse(event.data));
      // Several beats may arrive at once after a pause; only what comes out is drawn.
      if (this.state) this.frame ||= requestAnimationFrame(() => this.draw());
    });
  }

  close() {
    this.source?.close();
    this.source = null;
  }

  draw() {
    this.frame = 0;
    if (!this.state) return;
    this.onLink("live", 0);
    this.onStatus(listed(this.state));
  }

  look() {
    if (document.hidden) return;
    const now = performance.now();
    const silent = now - this.heard;
    if (silent < SILENT_MS) return;
    this.onLink("lost", silent);
    // The browser retries a broken stream by itself, but not one that was answered with an error.
    const refused = this.source?.readyState === EventSource.CLOSED;
    if (refused && now - this.opened > 1000) this.reopen();
    else if (silent > REOPEN_MS && now - this.opened > REOPEN_MS) this.open();
  }

  // Asks once, however long a person takes to answer.
  async reopen() {
    if (this.asking) return;
    this.asking = true;
    this.opened = performance.now();
    const mayOpen = await this.onRefused().finally(() => (this.asking = false));
    if (mayOpen && !document.hidden) this.open();
  }
}

// Applies a JSON merge patch (RFC 7396) to an object in place: null takes a member away, so what is not
// known is absent: compare with == null.
export function patched(target, patch) {
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete target[name];
    else if (isObject(value)) target[name] = patched(isObject(target[name]) ? target[name] : {}, value);
    else target[name] = value;
  }
  return target;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const rows = (value) => (isObject(value) ? Object.values(value) : (value ?? []));

// Rows travel by their names, so that a patch names what changed; the page draws lists.
function listed(state) {
  const status = { ...state };
  for (const name of BY_NAME) status[name] = rows(state[name]);
  status.feed = { ...state.feed, links: rows(state.feed?.links) };
  const gates = rows(state.explain?.gates).sort((one, other) => one.place - other.place);
  status.explain = { ...state.explain, gates };
  return status;
}

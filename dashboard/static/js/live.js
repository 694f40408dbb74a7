// The live stream: one connection, the newest status, and the honest word about the connection itself.
// A hidden tab closes its stream and does nothing.

const SILENT_MS = 1500;
const REOPEN_MS = 4000;
const LOOK_MS = 250;

export class Live {
  // `onStatus(status)` at most once per frame; `onLink(state, silentMs)` with "live" or "lost".
  constructor(path, onStatus, onLink) {
    this.path = path;
    this.onStatus = onStatus;
    this.onLink = onLink;
    this.heard = performance.now();
    this.opened = 0;
    this.frame = 0;
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
    this.source = new EventSource(this.path);
    this.source.addEventListener("status", (event) => {
      this.heard = performance.now();
      this.newest = event.data;
      // Several beats may arrive at once after a pause; only the newest is drawn.
      this.frame ||= requestAnimationFrame(() => this.draw());
    });
  }

  close() {
    this.source?.close();
    this.source = null;
  }

  draw() {
    this.frame = 0;
    this.onLink("live", 0);
    this.onStatus(JSON.parse(this.newest));
  }

  look() {
    if (document.hidden) return;
    const now = performance.now();
    const silent = now - this.heard;
    if (silent < SILENT_MS) return;
    this.onLink("lost", silent);
    // The browser retries a broken stream by itself, but not one that was answered with an error.
    if (silent > REOPEN_MS && now - this.opened > REOPEN_MS) this.open();
    else if (this.source?.readyState === EventSource.CLOSED && now - this.opened > 1000) this.open();
  }
}

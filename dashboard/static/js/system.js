// The machine room: the run, what the venue allows, what holds trading back, and every moving part.

import { byId } from "./dom.js";
import { get, Refused } from "./server.js";
import { Allowance } from "./system_allowance.js";
import { doorText, Facts, links, runFacts, safetyFacts } from "./system_facts.js";
import { buildTables, showTables } from "./system_tables.js";

const REFRESH_MS = 1000;

export class SystemView {
  constructor() {
    this.askedAt = -Infinity;
    this.asking = false;
    this.system = null;
    this.session = null;
    this.run = new Facts("Run");
    this.allowance = new Allowance();
    this.safety = new Facts("Safety and books", links());
    const box = byId("view-system");
    box.append(this.run.node, this.allowance.node, this.safety.node);
    buildTables(box);
  }

  opened() {
    this.askedAt = -Infinity;
  }

  show(status) {
    this.run.show([...runFacts(status, this.system), ["Who may", doorText(this.session)]]);
    this.safety.show(safetyFacts(status));
    showTables(status);
    this.ask();
  }

  // What the stream does not carry is asked for once a second, and only while it is seen.
  async ask() {
    if (this.asking || performance.now() - this.askedAt < REFRESH_MS) return;
    this.asking = true;
    this.askedAt = performance.now();
    const [system, session] = await Promise.all([told("/api/system"), told("/api/session")]);
    this.asking = false;
    this.system = system ?? this.system;
    this.session = session;
    if (system) this.allowance.tell(system.allowance);
  }
}

// An answer, or null: what is wrong with the connection is said by the strip of lights.
async function told(path) {
  try {
    return await get(path);
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
    return null;
  }
}

// Talking to the dashboard's API.  Who may order is known by a cookie that no script can read; the token
// itself is typed once, exchanged for the cookie, and kept nowhere.

const DOUBT_MS = 5000; // Of a clock that is off by less than this nothing is seen.
const PROMPT_MS = 1000;
const PATIENCE_MS = 20_000; // What hangs longer is asked anew by whoever wanted to know.
let askForToken = async () => null;
let clockOffMs = 0;

// What stands beside the server's times is reckoned by its clock: the browser's may be wrong by hours.
export const serverMs = () => Date.now() + clockOffMs;

// A server's answer says the time in whole seconds; one that was long on its way says nothing of now.
function hearClock(reply, askedMs) {
  const offMs = Date.parse(reply.headers.get("Date")) + 500 - Date.now();
  if (!Number.isFinite(offMs) || Math.abs(Date.now() - askedMs) > PROMPT_MS) return;
  // What is known well enough stays: a time that goes to and fro would be no time axis.
  if (Math.abs(offMs - clockOffMs) > DOUBT_MS) clockOffMs = Math.abs(offMs) > DOUBT_MS ? offMs : 0;
}

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// `ask(wasWrong)` shows the dialog and resolves to a token, or null when the person gave up.
export function onTokenNeeded(ask) {
  askForToken = ask;
}

async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["Content-Type"] = "application/json";
  // A change may take its time; it is never given up while it may still be carried out.
  const signal = method === "GET" ? AbortSignal.timeout(PATIENCE_MS) : undefined;
  const askedMs = Date.now();
  let reply;
  try {
    reply = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Refused(0, "UNREACHABLE", "The dashboard does not answer.");
  }
  hearClock(reply, askedMs);
  const answer = await reply.json().catch(() => null);
  if (reply.ok && answer) return answer;
  if (reply.ok) throw new Refused(0, "UNREACHABLE", "The dashboard's answer broke off.");
  const sentence = answer?.message ?? `The dashboard answered ${reply.status}.`;
  throw new Refused(reply.status, answer?.code ?? "", sentence);
}

export const get = (path) => call("GET", path);

// Sends an order; where the server does not know us yet, logs in first.
export async function change(method, path, body) {
  try {
    return await call(method, path, body);
  } catch (refusal) {
    if (refusal.status !== 401 || !(await logIn())) throw refusal;
    return call(method, path, body);
  }
}

let loggingIn = null;

// Asks for the token until it is right or the person gives up; resolves to whether we are known now.
export function logIn() {
  loggingIn ??= tokenAsked().finally(() => (loggingIn = null));
  return loggingIn;
}

async function tokenAsked() {
  for (let why = ""; ; ) {
    const token = await askForToken(why);
    if (token === null) return false;
    try {
      await call("POST", "/api/login", { token });
      return true;
    } catch (refusal) {
      why = refusal.message;
    }
  }
}

// Talking to the dashboard's API; the control token lives in this tab's session storage only.

const TOKEN = "hft-control-token";
let askForToken = async () => null;

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
  const token = sessionStorage.getItem(TOKEN);
  if (token && method !== "GET") headers.Authorization = `Bearer ${token}`;
  let reply;
  try {
    reply = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Refused(0, "UNREACHABLE", "The dashboard does not answer.");
  }
  const answer = await reply.json().catch(() => ({}));
  if (reply.ok) return answer;
  const sentence = answer.message ?? `The dashboard answered ${reply.status}.`;
  throw new Refused(reply.status, answer.code ?? "", sentence);
}

export const get = (path) => call("GET", path);

export async function change(method, path, body) {
  try {
    return await call(method, path, body);
  } catch (refusal) {
    if (refusal.status !== 401) throw refusal;
    const wasWrong = sessionStorage.getItem(TOKEN) !== null;
    sessionStorage.removeItem(TOKEN);
    const token = await askForToken(wasWrong);
    if (token === null) throw refusal;
    sessionStorage.setItem(TOKEN, token);
    return change(method, path, body);
  }
}

/** The console's live feed: one WebSocket that reconnects by itself and continues where it stopped. */

const BACK_MS = 1000;

/**
 * Calls `onEvents(events, isNewRun)` with what happened, and `onLost()` when the console cannot be reached.
 * `isNewRun`: the console was restarted, and earlier events no longer apply.
 */
export function followFeed({ onEvents, onLost }) {
  let run = null;
  let last = 0;

  const open = () => {
    const url = new URL("/api/feed", location.href);
    url.protocol = "ws:";
    url.searchParams.set("seen", `${run}:${last}`);
    const socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const isNewRun = message.run !== run;
      ({ run, last } = message);
      onEvents(message.events, isNewRun);
    };
    socket.onclose = () => {
      onLost();
      setTimeout(open, BACK_MS);
    };
  };
  open();
}

/** A token for this visitor. Throws as `call` does. */
export async function visitorToken(session) {
  const claims = { given_name: session.slice(0, 1).toUpperCase() + session.slice(1), fields: { plan: "trial" } }; // as a shop's server would say
  return (await call("GET", `/api/token?visitor=${encodeURIComponent(session)}&claims=${encodeURIComponent(JSON.stringify(claims))}`)).token;
}

/** Calls the console and returns its answer. Throws an Error with the console's message. */
export async function call(method, path, body) {
  const response = await fetch(path, { method, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

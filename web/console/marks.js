/** Passes keys and frames of every visitor's box, from this tab and others, to the timeline. */

const channel = new BroadcastChannel("typing-relay-console");
const listeners = new Set();

/** Reports {type: "key" | "frame" | "choice", session, at?, frame?, silent?, signals?}: never what was typed. */
export function report(mark) {
  channel.postMessage(mark);
  for (const listener of listeners) listener(mark);
}

export function onMark(listener) {
  listeners.add(listener);
}

channel.onmessage = ({ data }) => {
  for (const listener of listeners) listener(data);
};

// What a screen reader is told of the agent's typing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { announceTyping } from "../../../web/typing-relay.js";

/** A live region that notes each text that a screen reader would say. */
function stage(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const relay = new EventTarget();
  const said = [];
  const attributes = {};
  const region = {
    setAttribute: (name, value) => (attributes[name] = value),
    text: "",
    set textContent(text) {
      this.text = text;
      if (text) said.push(text);
    },
  };
  const tell = (type, detail) => relay.dispatchEvent(new CustomEvent(type, { detail }));
  const typing = (on) => tell("agent-typing", { typing: on });
  return { relay, region, said, attributes, tell, typing, pass: (ms) => t.mock.timers.tick(ms) };
}

test("the region is a polite live region before anything is said", (t) => {
  const { relay, region, attributes, said } = stage(t);
  announceTyping(relay, region);
  assert.deepEqual(attributes, { role: "status", "aria-live": "polite" });
  assert.deepEqual(said, []);
});

test("typing is said once a spell, after a delay, and its end never", (t) => {
  const { relay, region, said, typing, pass } = stage(t);
  announceTyping(relay, region);
  for (let again = 0; again < 5; again++) {
    typing(true);
    pass(2000);
    typing(false);
    pass(2000);
  }
  assert.deepEqual(said, ["The agent is typing"]);
});

test("whoever reads on finds nothing of typing that is over", (t) => {
  const { relay, region, typing, pass } = stage(t);
  announceTyping(relay, region);
  typing(true);
  pass(2000);
  assert.equal(region.text, "The agent is typing");
  typing(false);
  assert.equal(region.text, "");
});

test("typing that is over within the delay is not said", (t) => {
  const { relay, region, said, typing, pass } = stage(t);
  announceTyping(relay, region);
  typing(true);
  pass(500);
  typing(false);
  pass(5000);
  assert.deepEqual(said, []);
});

test("after a message typing is said again", (t) => {
  const { relay, region, said, tell, typing, pass } = stage(t);
  announceTyping(relay, region, { text: "Ann is typing" });
  typing(true);
  pass(2000);
  typing(false);
  tell("message", { from: "agent" });
  typing(true);
  pass(2000);
  assert.deepEqual(said, ["Ann is typing", "Ann is typing"]);
});

test("a region that has been taken back says nothing", (t) => {
  const { relay, region, said, typing, pass } = stage(t);
  const end = announceTyping(relay, region);
  typing(true);
  end();
  typing(true);
  pass(60_000);
  assert.deepEqual(said, []);
});

test("what is no element is refused", () => {
  assert.throws(() => announceTyping(new EventTarget(), null), { name: "TypeError", message: /element/ });
});

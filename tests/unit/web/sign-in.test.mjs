// web/sign-in.js: the page signs its visitor in when the relay asks for it, as CXone's own web client does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessToken, signingIn } from "../../../web/sign-in.js";

class Socket extends EventTarget {
  readyState = 1;
  sent = [];

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  hears(frame) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: typeof frame === "string" ? frame : JSON.stringify(frame) }));
  }
}

const WANTED = { type: "event", event: null, name: "sign-in", detail: { why: "needed", setting: "isAuthorizationEnabled=true" } };
const settled = () => new Promise((done) => setImmediate(done));

test("what the page returns is handed over, each time that it is asked for", async () => {
  const asked = [];
  const socket = new (signingIn(async (wanted) => (asked.push(wanted), { code: `c${asked.length}`, verifier: "v" }), Socket))();
  socket.hears(WANTED);
  await settled();
  socket.hears(WANTED);
  await settled();
  assert.deepEqual(asked, [WANTED.detail, WANTED.detail]);
  assert.deepEqual(socket.sent, [
    { code: "c1", verifier: "v", action: "sign_in" },
    { code: "c2", verifier: "v", action: "sign_in" },
  ]);
});

test("while the visitor signs in they are not asked again", async () => {
  let asked = 0;
  let signsIn;
  const socket = new (signingIn(() => (asked++, new Promise((done) => (signsIn = done))), Socket))();
  socket.hears(WANTED);
  socket.hears(WANTED);
  signsIn({ code: "c" });
  await settled();
  assert.deepEqual([asked, socket.sent.length], [1, 1]);
});

test("nothing, an error and a connection that is gone hand over nothing; the next time does", async () => {
  const answers = [() => null, () => { throw new Error("closed the window"); }, () => ({ code: "late" }), () => ({ code: "c" })];
  const socket = new (signingIn(() => answers.shift()(), Socket))();
  for (const readyState of [1, 1, 3, 1]) {
    socket.readyState = readyState;
    socket.hears(WANTED);
    await settled();
  }
  assert.deepEqual(socket.sent, [{ code: "c", action: "sign_in" }]);
});

test("other frames, and what is none, ask for nothing", async () => {
  const socket = new (signingIn(() => assert.fail("asked"), Socket))();
  for (const frame of [{ type: "welcome" }, { type: "event", event: { type: "sign-in" } }, "no JSON", "null", "[]"]) socket.hears(frame);
  await settled();
});

test("what is no function is refused at once", () => {
  assert.throws(() => signingIn(null, Socket), TypeError);
});

function cxone(t, answers) {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url, { body, headers, credentials }) => {
    asked.push({ url: new URL(url), body: JSON.parse(body), bearer: headers.Authorization, credentials });
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    return { ok: !answer.status, status: answer.status ?? 200, json: async () => answer };
  });
  return asked;
}

function storage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, String(value)) };
}

const PLACE = { authorizeUrl: "https://authorize.example", brandId: 1386, channelId: "chat_1", person: "ada" };
const ANSWER = { accessToken: "tok", expiresIn: 600, customerIdentity: { idOnExternalPlatform: "c-7" } };

test("an anonymous visitor is the same one the next time", async (t) => {
  const asked = cxone(t, [{ ...ANSWER, customerIdentity: undefined }]);
  const where = { ...PLACE, storage: storage() };
  const [first, again] = [await accessToken(where), await accessToken(where)];
  assert.deepEqual([first.access_token, first.expires_in], ["tok", 600]);
  assert.deepEqual([again.visitor_id, again.customer_id], [first.visitor_id, first.customer_id]);
  const { url, body, credentials } = asked[0];
  assert.equal(url.origin + url.pathname, "https://authorize.example/oauth/token");
  assert.deepEqual(Object.fromEntries(url.searchParams), { brandId: "1386", channelId: "chat_1", visitorId: first.visitor_id });
  assert.deepEqual([body, credentials], [{ customerIdentity: { idOnExternalPlatform: first.customer_id } }, "include"]);
});

test("with secured cookies CXone names the customer; where they are blocked, what it gives in their place comes along", async (t) => {
  const asked = cxone(t, [{ ...ANSWER, identityToken: "it-is-me" }]);
  const where = { ...PLACE, cookies: true, storage: storage() };
  assert.equal((await accessToken(where)).customer_id, "c-7");
  await accessToken(where);
  assert.deepEqual(asked.map(({ body }) => body), [{}, {}]);
  assert.deepEqual(asked.map(({ bearer }) => bearer), [undefined, "Bearer it-is-me"]);
  assert.deepEqual(asked.map(({ url }) => url.searchParams.get("storageFallback")), [null, "1"]);
});

test("a third party's code goes out with its verifier, and its token comes along", async (t) => {
  const asked = cxone(t, [{ ...ANSWER, thirdParty: { access_token: "third" } }]);
  const handed = await accessToken({ ...PLACE, code: "c0de", verifier: "v3rifier", visitorId: "v-1", storage: storage() });
  assert.deepEqual(asked[0].body, {
    thirdParty: { grant_type: "authorization_code", authorization_code: "c0de", code_verifier: "v3rifier" },
  });
  assert.deepEqual([handed.third_party_token, handed.customer_id, handed.visitor_id], ["third", "c-7", "v-1"]);
});

test("a refusal says its status and quotes nothing", async (t) => {
  cxone(t, [{ status: 401, errorCode: "c0de is bad" }]);
  await assert.rejects(accessToken({ ...PLACE, code: "c0de", storage: storage() }), { message: "CXone gave no access token: status 401" });
});

test("who uses the same browser next, or another brand or channel, is somebody else", async (t) => {
  const asked = cxone(t, [{ ...ANSWER, customerIdentity: undefined, identityToken: "it-is-me" }]);
  const where = { ...PLACE, storage: storage() };
  const handed = [];
  for (const other of [{}, { person: "bob" }, { brandId: 1387 }, { channelId: "chat_2" }]) {
    handed.push(await accessToken({ ...where, ...other }));
    await accessToken({ ...where, ...other, cookies: true, customerId: "c-7", visitorId: "v-1", person: "zoe" });
  }
  for (const id of ["visitor_id", "customer_id"]) assert.equal(new Set(handed.map((one) => one[id])).size, 4);
  // Zoe comes twice to the first place, and once to each of the others.
  const bearers = asked.filter((_, at) => at % 2).map(({ bearer }) => bearer);
  assert.deepEqual(bearers, [undefined, "Bearer it-is-me", undefined, undefined]);
  for (const person of [undefined, "", 7]) await assert.rejects(accessToken({ ...where, person }), TypeError);
});

test("where CXone names no customer the page has to", async (t) => {
  cxone(t, [{ ...ANSWER, customerIdentity: undefined }]);
  const where = { ...PLACE, storage: storage() };
  for (const how of [{ cookies: true }, { code: "c0de" }]) {
    await assert.rejects(accessToken({ ...where, ...how }), { message: "CXone names no customer: pass customerId" });
    assert.equal((await accessToken({ ...where, ...how, customerId: "c-9" })).customer_id, "c-9");
  }
});

test("a token is said to be good for no longer than the relay takes it to be", async (t) => {
  cxone(t, [{ ...ANSWER, expiresIn: 90_000 }]);
  assert.equal((await accessToken({ ...PLACE, storage: storage() })).expires_in, 86_400);
});

// Signs visitors in at CXone where the relay does not do it by itself: docs/front-end.md, "Signing in".

/**
 * A WebSocket class for `connect({ WebSocket: signingIn(signIn) })`. `signIn` is called with what the relay says
 * (`{why, setting, visitor_id, customer_id}`) whenever the visitor is to be signed in, one call at a time; what it
 * returns is handed over. Nothing, or an error, hands over nothing: the relay asks again.
 */
export function signingIn(signIn, Base = globalThis.WebSocket) {
  if (typeof signIn !== "function") throw new TypeError("signingIn: pass a function");
  return class extends Base {
    constructor(...where) {
      super(...where);
      let isBusy = false;
      this.addEventListener("message", async ({ data }) => {
        const detail = wanted(data);
        if (!detail || isBusy) return;
        isBusy = true;
        try {
          const handed = await signIn(detail);
          if (handed && this.readyState === 1) this.send(JSON.stringify({ ...handed, action: "sign_in" }));
        } catch {
          // It is the page's own function: it tells the visitor.
        } finally {
          isBusy = false;
        }
      });
    }
  };
}

const wanted = (data) => {
  try {
    const { name, detail } = JSON.parse(data);
    return name === "sign-in" && detail;
  } catch {
    return undefined;
  }
};

/**
 * Asks CXone for an access token as its own web client does, with this browser's address and cookies; returns what
 * `signIn` is to hand over. `person` is the session (`sub` of the page's token): what is kept of one person is not
 * another's who uses the same browser. `visitorId` and `customerId` are those that the relay names, where it does.
 * `code` and `verifier` are a third party's; without them the visitor is anonymous, or the one whom a cookie names
 * (`cookies: true`). `storage` is where the visitor's ids are kept, and, where cookies are blocked, what CXone gives in
 * their place. Throws an Error that quotes nothing of the answer, also where nobody says which customer it is.
 */
export async function accessToken({
  authorizeUrl, brandId, channelId, person, visitorId, customerId, code, verifier, cookies = false, storage = localStorage, signal,
}) {
  if (typeof person !== "string" || !person) throw new TypeError("accessToken: person must be the session (sub) of your token");
  const key = (name) => `typing-relay-${name} ${JSON.stringify([`${brandId}`, channelId, person])}`;
  const kept = (name) => storage.getItem(key(name)) ?? undefined;
  const visitor = visitorId ?? kept("visitor") ?? crypto.randomUUID();
  storage.setItem(key("visitor"), visitor);
  const identity = kept("identity");
  const query = new URLSearchParams({ brandId, channelId, visitorId: visitor });
  if (cookies && identity) query.set("storageFallback", "1");
  const customer = customerId ?? (code || cookies ? undefined : (kept("customer") ?? crypto.randomUUID()));
  const answer = await fetch(`${authorizeUrl}/oauth/token?${query}`, {
    method: "POST",
    credentials: "include",
    headers: {
      "Content-Type": "application/json",
      ...(cookies && identity ? { Authorization: `Bearer ${identity}` } : {}),
    },
    body: JSON.stringify(asked(code, verifier, cookies, customer)),
    signal,
  });
  if (!answer.ok) throw new Error(`CXone gave no access token: status ${answer.status}`);
  const said = await answer.json();
  if (said.identityToken) storage.setItem(key("identity"), said.identityToken);
  const known = said.customerIdentity?.idOnExternalPlatform ?? customer;
  if (!known) throw new Error("CXone names no customer: pass customerId");
  storage.setItem(key("customer"), known);
  return {
    access_token: said.accessToken,
    expires_in: Math.min(said.expiresIn, LONGEST_S),
    visitor_id: visitor,
    customer_id: known,
    third_party_token: said.thirdParty?.access_token,
  };
}

/** The relay takes no token to be good for longer. */
const LONGEST_S = 86_400;

const asked = (code, verifier, cookies, customer) => {
  if (code) {
    return { thirdParty: { grant_type: "authorization_code", authorization_code: code, code_verifier: verifier } };
  }
  return cookies ? {} : { customerIdentity: { idOnExternalPlatform: customer } };
};

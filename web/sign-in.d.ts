/** What the relay says when a visitor is to be signed in. */
export interface SignInWanted {
  /** `needed`: without it there is no guest session; `ends`: the token in use ends soon; `refused`: the last was not good. */
  why: "needed" | "ends" | "refused" | (string & {});
  /** The channel's setting, with its value, that demands it. */
  setting?: string;
  /** For which visitor to ask CXone for a token; absent: for any. */
  visitor_id?: string;
  /** Whom the session's conversation is with, or whom your token's claim `customer` names; absent: neither. */
  customer_id?: string;
}

/** An access token of CXone's, and whom it was issued to. */
export interface HandedToken {
  access_token: string;
  expires_in: number;
  visitor_id: string;
  customer_id: string;
  third_party_token?: string;
}

/** A third party's code, which the relay redeems. */
export interface HandedCode {
  code: string;
  verifier?: string;
}

export type Handed = HandedToken | HandedCode;

export function signingIn(
  signIn: (wanted: SignInWanted) => Handed | null | undefined | Promise<Handed | null | undefined>,
  Base?: new (url: string, protocols?: string[]) => unknown,
): new (url: string, protocols?: string[]) => unknown;

export interface TokenRequest {
  /** CXone's authorize host, such as https://digital-oauth-de-na1.niceincontact.com */
  authorizeUrl: string;
  brandId: number | string;
  channelId: string;
  /** Whose token it is: the session, `sub` of the page's own token. What is kept in the browser is this person's alone. */
  person: string;
  /** `visitor_id` of what the relay says. */
  visitorId?: string;
  /** `customer_id` of what the relay says, or your id of the person. */
  customerId?: string;
  code?: string;
  verifier?: string;
  /** The channel has secured cookies. Default `false`. */
  cookies?: boolean;
  storage?: Pick<Storage, "getItem" | "setItem">;
  signal?: AbortSignal;
}

export function accessToken(request: TokenRequest): Promise<HandedToken>;

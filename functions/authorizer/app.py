"""Authorizer of the $connect route: may this visitor come in, and into which session?

Every refusal is a Deny policy, which API Gateway answers with 403 and no detail. (A 401 means raising "Unauthorized",
a failed invocation: any stranger could fire the alarm on failures.) What fails here is ours to fix: the secret or the
JWKS is out of reach and no keys are known. That is a 500, and the alarm is right.
"""

import os
from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from typing_relay.aws.client import CallLimits
from typing_relay.aws.secrets import Secret
from typing_relay.aws.services import Account, SecretsManager
from typing_relay.deadline import of_the_invocation
from typing_relay.door.derived_keys import DerivedKeys
from typing_relay.door.frame_budget import Budgets, FrameLimits, Ruling
from typing_relay.door.handshakes import check_origin, read_device, read_handshake, the_token
from typing_relay.door.visitor_keys import JwksVerifier, SecretVerifier, TokenVerifier, jwks_client
from typing_relay.door.visitor_tokens import AdmittedVisitor, Reason, Refusal, TokenRules
from typing_relay.logs import make_logger

# Not by typing_relay.runtime: it imports the rules of typing, which the authorizer does not need.
_LIMITS = CallLimits(connect_s=1, read_s=2, tries=2)
_BRIEFLY = CallLimits(connect_s=0.5, read_s=0.5, tries=1)  # for what a handshake can do without
ALLOWED_ORIGINS = os.environ.get("ALLOWED_ORIGINS", "").lower().replace(",", " ").split()  # as browsers spell them
SIGNALS = os.environ.get("TYPING_SIGNALS", "on") == "on"
PASSES_DEVICE = os.environ.get("VISITOR_DETAILS", "off") == "on"
PER_ADDRESS = int(os.environ.get("HANDSHAKES_PER_ADDRESS") or 0)  # a minute; 0: any number

logger = make_logger()
metrics = Metrics()


def _token_verifier() -> TokenVerifier:
    jwks_url = os.environ.get("VISITOR_JWKS_URL")
    rules = TokenRules(
        algorithms=("RS256", "ES256") if jwks_url else ("HS256",),
        issuer=os.environ.get("VISITOR_ISSUER") or None,
        audience=os.environ.get("VISITOR_AUDIENCE") or None,
        max_life_seconds=int(os.environ.get("VISITOR_TOKEN_MAX_SECONDS") or 0),
        custom_fields=frozenset(_listed("CUSTOM_FIELDS")),
        channels=frozenset(_listed("CHANNELS")),
    )
    if jwks_url:
        return JwksVerifier(jwks_client(jwks_url), rules, _using_stale_keys)
    return SecretVerifier(_secret(_LIMITS), rules, _using_stale_keys)


def _listed(name: str) -> list[str]:
    """What this environment variable names, separated by commas."""
    return os.environ.get(name, "").replace(",", " ").split()


def _secret(limits: CallLimits) -> Secret:
    return Secret(SecretsManager(Account.here(), limits), os.environ["VISITOR_SECRET_ARN"])


def _using_stale_keys() -> None:
    """Visitors are admitted by the keys last read; the alarm StaleKeysInUse fires before that hour ends."""
    logger.warning("The visitor secret or key set is out of reach; using the keys last read", exc_info=True)
    _count("StaleKeysInUse")


def _count(metric: str) -> None:
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


verifier = _token_verifier()
addresses = Budgets(FrameLimits(PER_ADDRESS / 60, PER_ADDRESS)) if PER_ADDRESS else None
derived = DerivedKeys(_secret(_BRIEFLY).value)


@of_the_invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a REQUEST authorizer event with a policy for $connect.

    Allow carries what the other functions rely on: `session`, `signals` (on or off), `expires_at` (epoch s);
    `message_key`, by which the session's messages are recognised; `address`, the source address's name of the day; and,
    where the token says who the visitor is, or the deployment passes on what the browser says of itself, `profile`.
    """
    verdict = _judge(event)
    request = event["requestContext"]
    connection, now = request["connectionId"], request["requestTimeEpoch"] / 1000
    address = derived.name_of(request.get("identity", {}).get("sourceIp", ""), now)
    if isinstance(verdict, Refusal):
        about = {"about": verdict.about} if verdict.about else {}
        logger.warning("Handshake refused", reason=verdict.reason, connection=connection, address=address, extra=about)
        _count("HandshakesRefused")
        return _policy("Deny", event["methodArn"], "refused", {})
    logger.debug("Handshake admitted", session=verdict.session, connection=connection)
    signals = "on" if SIGNALS and verdict.signals else "off"
    admitted = {
        "session": verdict.session,
        "signals": signals,
        "expires_at": verdict.expires_at,
        "message_key": derived.of_messages(verdict.session, now),
        "address": address,
    }
    profile = replace(verdict.profile, device=read_device(event)) if PASSES_DEVICE else verdict.profile
    known = {"profile": profile.encoded()} if profile else {}
    return _policy("Allow", event["methodArn"], verdict.session, admitted | known)


def _judge(event: dict[str, Any]) -> AdmittedVisitor | Refusal:
    if addresses and addresses.spend(*_address_and_time(event)) is not Ruling.TAKE:
        return Refusal(Reason.ADDRESS_TOO_BUSY)
    handshake = read_handshake(event)
    refusal = check_origin(handshake, ALLOWED_ORIGINS)
    if refusal:
        return refusal
    token = the_token(handshake)
    if isinstance(token, Refusal):
        return token
    return verifier.verify(token, event["requestContext"]["requestTimeEpoch"] / 1000)


def _address_and_time(event: dict[str, Any]) -> tuple[str, int]:
    """The source address, which is kept in this process alone, and epoch ms."""
    request = event["requestContext"]
    return request.get("identity", {}).get("sourceIp", ""), request["requestTimeEpoch"]


def _policy(effect: str, method_arn: str, principal: str, context: dict[str, Any]) -> dict[str, Any]:
    return {
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn}],
        },
        "context": context,
    }

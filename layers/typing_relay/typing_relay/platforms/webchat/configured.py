"""CXone's guest API as the environment names it."""

from __future__ import annotations

import json

from typing_relay.aws import services
from typing_relay.aws.secrets import Secret
from typing_relay.environment import LIMITS, SettingWrong, account, clock, dynamodb, setting
from typing_relay.platforms.shared import http, urls
from typing_relay.platforms.webchat.auth import Credentials, Tokens
from typing_relay.platforms.webchat.guests import GuestsV1
from typing_relay.platforms.webchat.shared_state import SharedToken


def configured_guests() -> GuestsV1:
    """Raises SettingWrong or InsecureUrl."""
    session = http.session()
    base_url = urls.base_url(setting("CXONE_BASE_URL"))
    share = SharedToken(dynamodb(), setting("CXONE_STATE_TABLE"))
    suffixes = urls.host_suffixes(setting(urls.SUFFIXES_SETTING, ""))
    return GuestsV1(session, base_url, Tokens(session, base_url, _credentials, share, clock), clock, suffixes)


def _credentials() -> Credentials:
    """CXone's client id and secret, read when a token is needed, so that rotation needs no restart."""
    text = Secret(services.SecretsManager(account(), LIMITS), setting("CXONE_SECRET_ARN")).value()
    try:
        secret = json.loads(text)
        return Credentials(secret["client_id"], secret["client_secret"])
    except (ValueError, KeyError, TypeError):
        raise SettingWrong(
            'The CXone secret must be JSON with "client_id" and "client_secret". Put it into Secrets Manager.'
        ) from None

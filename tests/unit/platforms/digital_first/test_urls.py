"""Where the Digital-First gateway is, and what an operator may set instead."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from typing_relay.platforms.digital_first import identity, urls
from typing_relay.platforms.digital_first.identity import BadChannel, Channel, Visitor
from typing_relay.platforms.digital_first.urls import Client, Hosts
from typing_relay.platforms.shared.urls import InsecureUrl

CHAT = "https://chat.example"


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ("NA1", "na1.niceincontact.com"),
        ("eu1", "eu1.niceincontact.com"),
        ("ZA1", "za1.nicecxone.com"),
        ("NA2", "na2.nicecxone-gov.com"),
        ("AU2", "au2.nicecxone-sov1.au"),
        ("UK2", "uk2.nicecxone-sov1.uk"),
    ],
)
def test_each_environment_has_its_three_hosts(environment: str, where: str) -> None:
    assert urls.hosts(environment) == Hosts(
        f"wss://chat-gw-de-{where}", f"https://channels-de-{where}", f"https://digital-oauth-de-{where}"
    )


def test_nice_has_fourteen_environments() -> None:
    assert len(urls.DOMAINS) == 14


def test_an_environment_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(urls.UnknownEnvironment, match=r"AE1, AU1, .* Or set the three URLs"):
        urls.hosts("XX9")


def test_an_operator_may_name_the_hosts() -> None:
    hosts = urls.custom_hosts("wss://gateway.example/", "https://chat.example/", "http://127.0.0.1:8080")
    assert hosts == Hosts("wss://gateway.example", "https://chat.example", "http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("gateway", "chat", "authorize", "complaint"),
    [
        ("ws://gateway.example", CHAT, CHAT, "The gateway URL 'ws://gateway.example' must start with wss://"),
        ("wss://g.example", "http://chat.example", CHAT, "The chat URL .* must start with https://"),
        ("wss://g.example", CHAT, "ftp://a.example", "The authorize URL .* must start with https://"),
        ("wss://g.example", CHAT, "https://", "The authorize URL cannot be read as a URL"),
        ("wss://g.example?s3cret=1", CHAT, CHAT, "The gateway URL 'wss://g.example' must have no query"),
        ("wss://g.example", "https://chat.example/#s3cret", CHAT, "The chat URL 'https://chat.example/' must have no"),
        ("wss://g.example", "https://s3cret@chat.example", CHAT, "The chat URL cannot be read .* no user"),
        ("wss://g.example", "https://me:s3cret@chat.example", CHAT, "The chat URL cannot be read .* no user"),
    ],
)
def test_a_host_that_would_carry_tokens_in_the_clear_is_refused(
    gateway: str, chat: str, authorize: str, complaint: str
) -> None:
    """T13: the error names the URL without what may be secret in it."""
    with pytest.raises(InsecureUrl, match=complaint) as refused:
        urls.custom_hosts(gateway, chat, authorize)
    assert "s3cret" not in str(refused.value)


def test_the_socket_says_who_comes_and_shows_its_token() -> None:
    hosts = urls.hosts("NA1")
    url = urls.socket_url(hosts, Channel(1386, "chat_1"), Client(), Visitor("v-1", "c-1"), "tok+en/")
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("wss", "chat-gw-de-na1.niceincontact.com", "/")
    assert parse_qs(parts.query) == {
        "v": ["0"],
        "sdkPlatform": ["web"],
        "sdkVersion": ["3.3.0"],
        "brandId": ["1386"],
        "channelId": ["chat_1"],
        "visitorId": ["v-1"],
        "transactionToken": ["tok+en/"],
    }


@pytest.mark.parametrize("brand", ["", "acme", "-1", "1.5", "１２", "1" * 16])
def test_a_brand_is_a_number(brand: str) -> None:
    with pytest.raises(BadChannel, match="DfoBrandId"):
        identity.channel(brand, "chat_1")


@pytest.mark.parametrize("channel", ["", "chat\n1", "x" * 101])
def test_a_channel_is_a_short_text(channel: str) -> None:
    with pytest.raises(BadChannel, match="DfoChannelId"):
        identity.channel("1386", channel)


@pytest.mark.parametrize(("brand", "channel"), [("1386", "chat_1"), ("1" * 15, "x" * 100)])
def test_a_good_channel_is_read(brand: str, channel: str) -> None:
    assert identity.channel(brand, channel) == Channel(int(brand), channel)


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.eu-central-1.amazonaws.com/event?X-Amz-Signature=s3cret",
        "https://big.bucket.s3.amazonaws.com:443/event?X-Amz-Signature=s3cret",
        "https://bucket.s3.dualstack.us-east-1.amazonaws.com/event",
        "https://s3-us-west-2.amazonaws.com/bucket/event",
        "https://s3.us-gov-west-1.amazonaws.com/bucket/event",
        "https://channels-de-na1.niceincontact.com/event",
        "https://chat.example/event",
    ],
)
def test_a_large_event_is_fetched_from_amazon_or_nice(url: str) -> None:
    assert urls.event_url(url, CHAT) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://bucket.s3.amazonaws.com/event?s3cret",
        "https://evil.example/event?s3cret",
        "https://evilamazonaws.com/event?s3cret",
        "https://chat.example:444/event?s3cret",
        "https://169.254.169.254/s3?s3cret",
        "https://evil.example\\.amazonaws.com/event?s3cret",
        "https://evil.example\\@bucket.s3.amazonaws.com/event?s3cret",
        "https://s3cret@bucket.s3.amazonaws.com/event",
        "https://bucket.s3.amazonaws.com@evil.example/event?s3cret",
        "https://bucket.s3.amazonaws.com:8443/event?s3cret",
        "https://channels-de-na1.niceincontact.com:8443/event?s3cret",
        "https://ec2-198-51-100-1.compute-1.amazonaws.com/event?s3cret",
        "https://evil.s3.attacker.amazonaws.com/event?s3cret",
        "https://bucket.s3.amazonaws.com\t/event?s3cret",
        "https://bucket.s3.amazonaws.com\n.evil.example/event?s3cret",
        " https://bucket.s3.amazonaws.com/event?s3cret",
        "https://bucket.s3.amazonaws.com\uff0f.evil.example/event?s3cret",
        "https://[::1/event?s3cret",
    ],
)
def test_a_large_event_is_fetched_from_nowhere_else(url: str) -> None:
    with pytest.raises(InsecureUrl) as refused:
        urls.event_url(url, CHAT)
    assert "s3cret" not in str(refused.value)

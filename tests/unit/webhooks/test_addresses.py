"""Where webhooks may lead: whatever is not public is refused, however it is written."""

from ipaddress import ip_address

import pytest

from worker.webhooks.addresses import AddressRefused, find_addresses, find_objection, read_target

URL = "https://shop.example/hook"


def addresses(url: str, *found: str, private: str = "") -> list[str]:
    return find_addresses(read_target(url, private), lambda host, port: list(found))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.127.255.255", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1", "255.255.255.255",
        "240.0.0.1", "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "168.63.129.16", "2001:db8::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::7f00:1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert find_objection(ip_address(address)) is not None
    with pytest.raises(AddressRefused, match=r"^shop\.example leads to .*BULKPOST_WEBHOOK_PRIVATE_ADDRESSES"):
        addresses(URL, "93.184.215.14", address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "172.32.0.1"]
)
def test_a_public_address_is_taken(address: str) -> None:
    assert addresses(URL, address) == [address]


@pytest.mark.parametrize("private", ["allowed", "shop.example", "other.example, SHOP.example"])
def test_a_private_address_is_taken_where_the_installation_allows_its_host(private: str) -> None:
    assert addresses(URL, "10.0.0.1", private=private) == ["10.0.0.1"]
    assert addresses("http://shop.example/hook", "10.0.0.1", private=private) == ["10.0.0.1"]


def test_allowing_one_host_allows_no_other() -> None:
    with pytest.raises(AddressRefused):
        addresses(URL, "10.0.0.1", private="other.example")


def test_nothing_is_told_to_everybody_whatever_is_allowed() -> None:
    for address in ("0.0.0.0", "224.0.0.1", "ff02::1"):
        with pytest.raises(AddressRefused):
            addresses(URL, address, private="allowed")


def test_a_public_address_is_told_over_https_only() -> None:
    with pytest.raises(AddressRefused, match="plain http"):
        addresses("http://shop.example/hook", "8.8.8.8")
    with pytest.raises(AddressRefused, match="over https"):
        addresses("http://shop.example/hook", "8.8.8.8", private="allowed")


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "ftp://shop.example/", "https://", "https:///hook", "https://shop.example:0/",
        "https://shop.example:99999/", "https://shop.example:x/", "https://user:secret@shop.example/",
        "https://shop.example/#part", "https://shop example/", "https://shop.example/a b",
        "https://shop.example/\r\nX: y", "https://[::1", "file:///etc/passwd", "https://fe80::1%25eth0/",
        "https://[fe80::1%25eth0]/", f"https://shop.example/{'a' * 2000}", "https://..", "https://магазин.рф/",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        read_target(url, "")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "LOCALHOST."])
def test_other_spellings_of_this_machine_are_resolved_and_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        find_addresses(read_target(f"https://{host}/", ""))

"""The provider's words end at the gateway: nobody else names a thing by them."""

from ast import Attribute, FunctionDef, Name, arg, keyword, walk

from tests.support.imports import sources, tree

PROVIDER_S_WORDS = {"abonent", "client_id_sms", "id_sms", "number_sms", "type_send_1", "type_send_2"}
# The last two are what a person reads: the columns of the results.
BILINGUAL = ("worker/gateway/", "worker/simulator/", "worker/cli/", "models/ledger/report.py")


def names(path: str) -> set[str]:
    found: set[str | None] = set()
    for node in walk(tree(path)):
        match node:
            case Name(id=name) | Attribute(attr=name) | FunctionDef(name=name) | arg(arg=name) | keyword(arg=name):
                found.add(name)
    return {name for name in found if name is not None}


def test_only_the_gateway_and_the_simulator_speak_the_provider_s_language() -> None:
    ours = [path for path in sources() if not path.startswith(BILINGUAL)]
    assert {path: words for path in ours if (words := names(path) & PROVIDER_S_WORDS)} == {}


def test_no_name_says_nothing() -> None:
    """Utils, helpers and managers are where things go that nobody has thought about."""
    empty = ("utils", "util", "helper", "helpers", "manager", "misc", "common")
    assert [path for path in sources() if path.removesuffix(".py").rpartition("/")[2] in empty] == []

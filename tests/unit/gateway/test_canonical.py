"""The short way to read an answer says what the long way says, or says nothing."""

from hypothesis import example, given
from hypothesis import strategies as st

from worker.core.messages import Meaning, Reply, ReplyEntry
from worker.errors import Unreadable
from worker.gateway.canonical import read_canonical
from worker.gateway.reply import read_tree

SEED = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<response>\n'
    b'  <information number_sms="1" id_sms="2000001" parts="2">send</information>\n'
    b'  <information number_sms="2" id_sms="2000002" parts="1">No sender</information>\n'
    b"</response>\n"
)

PIECES = st.sampled_from(
    [
        "<?xml version='1.0'?>", '<?xml version="1.0" encoding="utf-8"?>', '<?xml version="1.0" encoding="UTF-8"?>',
        '<?xml version="1.0" encoding="koi8-r"?>', "\ufeff", "\n", " ", "\u00a0", "\x0b", "<response>", "</response>",
        "<response/>", "<!-- 1 -->", "<information/>", "<error>No sender</error>", "]]>", "&amp;", "noise",
        '<information number_sms="1" id_sms="7" parts="1">send</information>',
        '<information number_sms="2" id_sms="8" parts="1"> send </information>',
        '<information number_sms="2" id_sms="00" parts="12">Нет отправителя</information>',
        '<information number_sms="3" parts="1">send</information>',
        '<information number_sms="4" id_sms="9" parts="1">a ]] b > c</information>',
        '<information number_sms="5" id_sms="9" parts="1">\x85\u2028</information>',
        "<information number_sms='6' id_sms='9' parts='1'>send</information>",
    ]
)  # fmt: skip


def tree(raw: bytes) -> Reply:
    try:
        return read_tree(raw)
    except Unreadable as unreadable:
        raise AssertionError(f"{raw!r} is not readable: {unreadable}") from unreadable


def test_the_documented_answer_is_read() -> None:
    assert read_canonical(SEED) == Reply(
        (
            ReplyEntry(1, "2000001", 2, "send", Meaning.ACCEPTED),
            ReplyEntry(2, "2000002", 1, "No sender", Meaning.MESSAGE),
        )
    )


@given(st.lists(PIECES, max_size=8), st.booleans())
@example(['<information number_sms="1" id_sms="7" parts="1">send</information>'], True)
@example(['<information number_sms="1" id_sms="7" parts="1">send</information>', "\x0b"], True)
@example(["\x0b", '<information number_sms="1" id_sms="7" parts="1">send</information>'] * 2, True)
def test_what_it_reads_is_what_the_tree_says(pieces: list[str], whole: bool) -> None:
    raw = "".join(["<response>", *pieces, "</response>"] if whole else pieces).encode()
    short = read_canonical(raw)
    if short is not None:
        assert short == tree(raw)


@given(st.integers(0, len(SEED) - 1), st.binary(max_size=3), st.integers(0, 4))
def test_a_damaged_answer_is_read_as_the_tree_reads_it(place: int, put: bytes, cut: int) -> None:
    raw = SEED[:place] + put + SEED[place + cut :]
    short = read_canonical(raw)
    if short is not None:
        assert short == tree(raw)

"""What state.php, balance.php and time.php answer. Source: protocol.md 10.1, 11, 15."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from lxml import etree

from worker.simulator.content import Unacceptable
from worker.simulator.faults import Faults, Fired, Subject
from worker.simulator.ledger import PRICE, Ledger
from worker.simulator.mischief import Mischief
from worker.simulator.reply import render_balance, render_states, render_time
from worker.simulator.texts import UNKNOWN_ID

MOSCOW_OFFSET_HOURS = 3.0
OPENING_BALANCE = Decimal(10_000_000)
_NOT_FINAL = "send"


def asked_ids(root: etree._Element, findings: list[str]) -> list[str]:
    """Return the ids that a state request names.

    Raises: Unacceptable if it names none.
    """
    ids = [(element.text or "").strip() for element in root.iterfind("get_state/id_sms")]
    if not ids:
        raise Unacceptable("bad_document", "get_state with id_sms is missing")
    if len(set(ids)) < len(ids):
        findings.append("id_sms is repeated")
    return ids


def describe_asked(body: bytes, account: str, ids: list[str], ledger: Ledger) -> Subject:
    """Describe the messages behind the ids, for the conditions of the plan."""
    rows = [ledger.find(account, id_sms) for id_sms in ids]
    shown = [{} if row is None else ledger.entry(row) for row in rows]
    return Subject(
        body,
        account,
        [str(entry.get("phone", "")) for entry in shown],
        [str(entry.get("client_id_sms", "")) for entry in shown],
        [str(entry.get("text", "")) for entry in shown],
        has_unknown_ids=None in rows,
    )


def state_reply(account: str, ids: list[str], ledger: Ledger, fired: list[Fired]) -> str:
    """Say what became of the messages: delivered, unless the plan says otherwise."""
    states = []
    for place, id_sms in enumerate(ids):
        row = ledger.find(account, id_sms)
        if row is None:
            states.append((id_sms, "", "", UNKNOWN_ID))
            continue
        entry = ledger.entry(row)
        asked = (each.rule.state for each in fired if each.rule.state is not None and place in each.lines)
        status = next(asked, "deliver")
        time = "" if status == _NOT_FINAL else _local_time(float(str(entry["charged_at"])), MOSCOW_OFFSET_HOURS)
        states.append((id_sms, time, "viber" if str(entry["kind"]).startswith("viber") else "sms", status))
    return render_states(states)


def balance_reply(ledger: Ledger, faults: Faults, mischief: Mischief) -> str:
    """Say what is left.

    That is what a rule says, or what a rule that ends the credit leaves, or the opening balance less all charges.
    """
    money = mischief.first(lambda rule: rule.money)
    if money is None:
        credits_left = [
            rule.after_charged - (len(ledger) - faults.charged_before)
            for rule in faults.plan
            if rule.after_charged is not None
        ]
        left = max(0, min(credits_left)) * PRICE if credits_left else OPENING_BALANCE - ledger.money
        money = str(left)
    try:
        messages = int(Decimal(money) / PRICE)
    except ArithmeticError:
        messages = 0
    return render_balance(money, messages)


def time_reply(now: float, mischief: Mischief) -> str:
    """Say what time it is for the account: Moscow's with the date, unless the plan says otherwise."""
    offset_hours = mischief.first(lambda rule: rule.offset_hours)
    local_time = _local_time(now, MOSCOW_OFFSET_HOURS if offset_hours is None else offset_hours)
    return render_time(local_time[11:] if mischief.first(lambda rule: rule.time_format) == "time" else local_time)


def _local_time(at: float, offset_hours: float) -> str:
    return (datetime.fromtimestamp(at, UTC) + timedelta(hours=offset_hours)).strftime("%Y-%m-%d %H:%M:%S")

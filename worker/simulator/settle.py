"""What becomes of the lines of a document: charged, asked for again, refused, or whatever the plan says."""

from itertools import repeat

from worker.simulator.document import Document
from worker.simulator.faults import Fired
from worker.simulator.ledger import Ledger
from worker.simulator.reply import Entry
from worker.simulator.rule import Rule
from worker.simulator.texts import ACCEPTED, worded

_NO_RULE = Rule()
_OFFSET_OF_FOREIGN_NUMBERS = 1_000_000


def settle(
    document: Document, account: str, ledger: Ledger, fired: list[Fired], charged_before: int, now: float, language: str
) -> list[tuple[str, str, int, str]]:
    """Charge what is to be charged and return the entries of the reply, in line order.

    `charged_before`: length of the ledger when the plan was set.
    """
    rules = [each for each in fired if each.rule.changes_lines]
    if not rules and not document.refusals:
        ids = ledger.charge_all(account, document.keys, document.phones, document.contents, now)
        if ids is not None:
            parts = [content.parts for content in document.contents]
            return list(zip(document.numbers, map(str, ids), parts, repeat(ACCEPTED), strict=False))
    clerk = _Clerk(document, account, ledger, rules, charged_before, now, language)
    return [entry for line in range(len(document)) for entry in clerk.settle_line(line)]


class _Clerk:
    """Settles the lines of one document, one by one."""

    def __init__(
        self,
        document: Document,
        account: str,
        ledger: Ledger,
        rules: list[Fired],
        charged_before: int,
        now: float,
        language: str,
    ) -> None:
        self._document = document
        self._account = account
        self._ledger = ledger
        self._rules = rules
        self._charged_before = charged_before
        self._now = now
        self._language = language

    def settle_line(self, line: int) -> list[Entry]:
        number = self._document.numbers[line]
        if line in self._document.refusals:
            return [Entry(number, "", 0, worded(self._document.refusals[line], self._language))]
        row = self._ledger.row_of(self._account, self._document.keys[line])
        fired = self._rule_for(line, row)
        rule = fired.rule if fired else _NO_RULE
        if fired and rule.same_id and row is None:
            row = fired.shared_rows.get(self._account)
        is_charged = rule.text is None if rule.charged is None else rule.charged
        row = self._charge(line, row, rule, is_charged)
        if fired and rule.same_id and row is not None:
            fired.shared_rows.setdefault(self._account, row)
        return self._word(number, self._entry(number, row, rule), rule)

    def _rule_for(self, line: int, row: int | None) -> Fired | None:
        charged = len(self._ledger) - self._charged_before
        for fired in self._rules:
            rule = fired.rule
            if line not in fired.lines or (rule.after_charged is not None and charged < rule.after_charged):
                continue
            # The key decides first: a charged message is answered with its id, unless the rule is about repeats.
            if row is not None and (rule.keys == "new" or (rule.text is not None and rule.keys != "repeated")):
                continue
            return fired
        return None

    def _charge(self, line: int, row: int | None, rule: Rule, is_charged: bool) -> int | None:
        document = self._document
        if row is not None:
            self._ledger.ask_again(row, document.phones[line], document.contents[line])
        elif is_charged:
            row = self._ledger.charge(
                self._account,
                document.keys[line],
                document.phones[line],
                document.contents[line],
                self._now,
                rule.id_digits,
            )
        return row

    def _entry(self, number: str, row: int | None, rule: Rule) -> Entry:
        text = worded(rule.text, rule.language or self._language, rule.final_stop) if rule.text else ACCEPTED
        shows_id = text == ACCEPTED if rule.with_id is None else rule.with_id
        if not shows_id:
            return Entry(number, "", 0, text)
        if row is None:
            return Entry(number, self._ledger.spend_id(rule.id_digits), 1, text)
        return Entry(number, self._ledger.id_of(row), self._ledger.parts_of(row), text)

    def _word(self, number: str, entry: Entry, rule: Rule) -> list[Entry]:
        if rule.entries is None:
            return [entry]
        elsewhere = str(_OFFSET_OF_FOREIGN_NUMBERS + int(number) if number.isdigit() else _OFFSET_OF_FOREIGN_NUMBERS)
        if rule.entries == "foreign":
            return [entry, Entry(elsewhere, self._ledger.spend_id(), 1, ACCEPTED)]
        if rule.entries == "conflicting":
            refusal = Entry(number, "", 0, worded("closed", self._language))
            # On either side of the acceptance, so that neither "first wins" nor "last wins" is right by chance.
            return [refusal, entry] if number[-1:] in "13579" else [entry, refusal]
        return {
            "missing": [],
            "twice": [entry, entry],
            "renumbered": [entry._replace(number=elsewhere)],
            "unnumbered": [entry._replace(number="")],
        }[rule.entries]

"""From the JSON of a fault plan to its rules, or to one line that names the rule and the field that is wrong."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from json import JSONDecodeError, loads
from typing import Any

from worker.simulator.plan_values import (
    choice,
    choices,
    codec,
    digits,
    flag,
    number,
    phone_list,
    text,
    text_map,
    whole,
    whole_numbers,
)
from worker.simulator.rule import EFFECTS, ENQUIRY_EFFECTS, LINE_CONDITIONS, LINE_EFFECTS, Rule

Plan = tuple[Rule, ...]

_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": text,
    "path": choice("send", "state", "balance", "time"),
    "requests": whole_numbers(1),
    "every": whole(1),
    "first": whole(1),
    "after": whole(0),
    "probability": number(0, 1),
    "seed": whole(0),
    "times": whole(1),
    "more_lines_than": whole(0),
    "identical_within": number(0),
    "unknown_ids": flag,
    "phone": lambda value: phone_list([value]),
    "phones": phone_list,
    "text_contains": text,
    "lines": lambda value: frozenset(whole_numbers(1)(value)),
    "from_line": whole(1),
    "keys_ending": digits,
    "keys": choice("new", "repeated"),
    "after_charged": whole(0),
    "delay_before": number(0),
    "delay": number(0),
    "hold": choice("before", "after"),
    "drip_bytes": whole(1),
    "drip_seconds": number(0),
    "cut": choice("upload", "before", "after", "half"),
    "reset": flag,
    "processed": flag,
    "status": whole(200, 599),
    "error": text,
    "body": choice("html", "empty", "truncated", "noise", "dtd", "bomb"),
    "body_text": lambda value: text(value, may_be_empty=True),
    "megabytes": number(0, 1024),
    "headers": text_map,
    "encoding": codec,
    "declared": choice("both", "prolog", "header", "nowhere", "wrongly"),
    "before_prolog": text,
    "look": choices(
        "bom", "no_prolog", "two_spaces", "stray_text", "extra_attributes", "shuffled", "indented", "capitals"
    ),
    "text": text,
    "language": choice("en", "ru"),
    "final_stop": flag,
    "charged": flag,
    "with_id": flag,
    "entries": choice("missing", "twice", "conflicting", "foreign", "renumbered", "unnumbered"),
    "same_id": flag,
    "id_digits": whole(20, 64),
    "state": text,
    "money": text,
    "time_format": choice("time", "datetime"),
    "offset_hours": number(-24, 24),
}

# A field that means nothing unless one of the others is there too.
_NEEDS = {
    "seed": {"probability"},
    "drip_seconds": {"drip_bytes"},
    "reset": {"cut"},
    "megabytes": {"body"},
    "declared": {"encoding"},
    "language": {"text", "error"},
    "final_stop": {"text", "error"},
    "charged": {"text", "entries"},
}


class PlanError(Exception):
    """Raised when a fault plan is wrong; one line that names the rule and the field."""


def read_plan(source: str | bytes) -> Plan:
    """Read a plan from JSON text.

    Raises: PlanError.
    """
    try:
        return parse_plan(loads(source))
    except JSONDecodeError as error:
        raise PlanError(
            f"the fault plan is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (UnicodeDecodeError, RecursionError):
        raise PlanError("the fault plan is not JSON in UTF-8") from None


def parse_plan(plan: object) -> Plan:
    """Check a decoded plan: a list of rules, each an object.

    Raises: PlanError.
    """
    if not isinstance(plan, list):
        raise PlanError(f"the fault plan must be a list of rules, not {_named_type(plan)}")
    return tuple(_parse_rule(ordinal, given) for ordinal, given in enumerate(plan, 1))


def _parse_rule(ordinal: int, given: object) -> Rule:
    where = f"fault rule {ordinal}"
    if not isinstance(given, dict):
        raise PlanError(f"{where} must be an object, not {_named_type(given)}")
    if isinstance(given.get("name"), str):
        where += f' ("{given["name"]}")'
    if "phone" in given and "phones" in given:
        raise PlanError(f"{where}: phone and phones are one field; give one of them")
    values = {}
    for name, value in given.items():
        if name not in _CHECKS:
            near = get_close_matches(name, _CHECKS, 1)
            raise PlanError(f'{where}: unknown field "{name}"' + (f'; did you mean "{near[0]}"?' if near else ""))
        try:
            values["phones" if name == "phone" else name] = _CHECKS[name](value)
        except ValueError as error:
            raise PlanError(f"{where}: {name} {error}") from None
    rule = Rule(**values)
    problem = _contradiction(rule)
    if problem:
        raise PlanError(f"{where}: {problem}")
    return rule


def _contradiction(rule: Rule) -> str | None:
    given = rule.given()
    if given.isdisjoint(EFFECTS):
        return "says nothing that should happen; add one of " + ", ".join(sorted(EFFECTS))
    for name, companions in _NEEDS.items():
        if name in given and given.isdisjoint(companions):
            return f"{name} means nothing without {' or '.join(sorted(companions))}"
    for name in sorted(given & LINE_EFFECTS):
        if rule.path != "send":
            return f"{name} belongs to path send, not {rule.path}"
    for path, names in ENQUIRY_EFFECTS.items():
        for name in sorted(given & names):
            if rule.path != path:
                return f"{name} belongs to path {path}, not {rule.path}"
    return _contradiction_of_conditions(rule, given)


def _contradiction_of_conditions(rule: Rule, given: set[str]) -> str | None:
    allowed_on_state = {"phones", "text_contains", "keys_ending"}
    conditions = sorted(given & LINE_CONDITIONS)
    if rule.path in ("balance", "time") and conditions:
        return f"{conditions[0]} chooses lines, and path {rule.path} has none"
    if rule.path == "state" and set(conditions) - allowed_on_state:
        return f"{sorted(set(conditions) - allowed_on_state)[0]} belongs to path send, not state"
    if rule.path != "state" and "unknown_ids" in given:
        return "unknown_ids belongs to path state"
    if rule.path != "send" and "more_lines_than" in given:
        return "more_lines_than belongs to path send"
    if rule.cut in ("upload", "before") and rule.processed:
        return f"cut {rule.cut} and processed true contradict each other"
    if rule.cut == "upload" and (conditions or {"more_lines_than", "identical_within"} & given):
        return "cut upload happens before the document is read, so it cannot depend on what is in it"
    if rule.after_charged is not None and given.isdisjoint(LINE_EFFECTS):
        return "after_charged needs something that happens to lines, a text for instance"
    return None


def _named_type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")

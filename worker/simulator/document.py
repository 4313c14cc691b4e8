"""From the bytes of a request to its lines, and what is wrong with them. Source: protocol.md 2, 3, 4.

All lines of a document are kept in columns: a document of one text and a thousand recipients is the common case, and
checking a column at once costs a tenth of checking line by line. Only a column that fails is looked at line by line.
"""

from dataclasses import dataclass, field

from lxml import etree

from worker.simulator.content import COMPOSITE_ELEMENTS, Content, Unacceptable, judge
from worker.simulator.lines import inspect_lines

_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
)
_count_stray_nodes = etree.XPath("count(/request/text() | /request/message/text() | //abonent/node())")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks. `account` names the ledger's key space and is no secret."""

    login: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(slots=True)
class Document:
    """A well-formed request. The columns have one entry per `abonent`, in document order.

    `refusals`: line index to the short name of the text that this line is refused with.
    """

    credentials: Credentials
    phones: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    refusals: dict[int, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.phones)


def parse_request(body: bytes, findings: list[str]) -> etree._Element:
    """Parse any request of the interface.

    Raises: Unacceptable if it is not well-formed, has a DTD, or its root is not `request`.
    """
    if not body:
        raise Unacceptable("no_body", "the body is empty")
    try:
        root = etree.fromstring(body, _PARSER)
    except etree.XMLSyntaxError as error:
        raise Unacceptable("bad_document", f"not well-formed XML: {_place(error)}") from None
    if root.tag != "request":
        raise Unacceptable("bad_document", "the root element is not request")
    description = root.getroottree().docinfo
    if description.internalDTD is not None:
        raise Unacceptable("bad_document", "the document has a DTD")
    if not body.startswith(b"<?xml"):
        findings.append("the document does not begin with an XML prolog")
    if (description.encoding or "utf-8").lower() != "utf-8":
        findings.append("the document is not UTF-8")
    if b"\n" in body or b"\r" in body:
        findings.append("the document has line breaks")
    return root


def _place(error: etree.XMLSyntaxError) -> str:
    # libxml2's own sentence may quote the document, and with it a phone number or a password.
    line, column = error.position
    return f"line {line}, column {column}"


def read_credentials(root: etree._Element, findings: list[str]) -> Credentials:
    """Read `security`, noting what is missing or too much in it."""
    blocks = root.findall("security")
    if len(blocks) != 1:
        findings.append("security is repeated" if blocks else "security is missing")
    if not blocks:
        return Credentials()
    given: dict[str, str] = {}
    for element in blocks[0]:
        name = str(element.tag)
        if name not in ("login", "password", "token") or name in given or element.keys() != ["value"]:
            findings.append("security holds other than one value of login and password, or of token")
        given[name] = element.get("value", "")
    if bool(given.get("token")) == bool(given.get("login") or given.get("password")):
        findings.append("security holds neither or both of token and login with password")
    return Credentials(given.get("login", ""), given.get("password", ""), given.get("token", ""))


def read_document(body: bytes) -> Document:
    """Read a send request.

    Raises: Unacceptable if the provider would refuse the whole document.
    """
    findings: list[str] = []
    root = parse_request(body, findings)
    document = Document(read_credentials(root, findings), findings=findings)
    if _count_stray_nodes(root):
        findings.append("there is text between elements")
    extras: dict[int, dict[str, str]] = {}
    messages = 0
    for element in root:
        if element.tag == "message":
            messages += 1
            _read_message(element, messages, document, extras)
        elif element.tag != "security":
            findings.append(f"element {element.tag} is unknown")
    _find_misplaced_security(root, findings)
    if not document.phones:
        raise Unacceptable("bad_document", "the document has no abonent" if messages else "the document has no message")
    inspect_lines(document.phones, document.numbers, document.keys, extras, document.refusals, findings)
    return document


def _read_message(element: etree._Element, ordinal: int, document: Document, extras: dict[int, dict[str, str]]) -> None:
    phones, numbers, keys = document.phones, document.numbers, document.keys
    names: list[str] = []
    values: list[str] = []
    before, where = len(phones), f"message {ordinal}: "
    for child in element:
        if child.tag == "abonent":
            given = _attributes(child)
            phones.append(given.pop("phone", ""))
            numbers.append(given.pop("number_sms", ""))
            keys.append(given.pop("client_id_sms", ""))
            if given:
                extras[len(phones) - 1] = given
        else:
            _read_field(child, names, values)
            if len(phones) > before:
                document.findings.append(f"{where}element {child.tag} comes after an abonent")
            if child.tag not in COMPOSITE_ELEMENTS and (len(child) or child.keys()):
                document.findings.append(f"{where}element {child.tag} holds other than text")
    content = judge(tuple(_attributes(element).items()), tuple(names), tuple(values))
    _add_content(document, content, before, where)


def _read_field(element: etree._Element, names: list[str], values: list[str]) -> None:
    tag = str(element.tag)
    if tag in COMPOSITE_ELEMENTS:
        given = _attributes(element)
        names.extend(f"{tag}.{name}" for name in given)
        values.extend(given.values())
        return
    names.append(tag)
    values.append(element.text or "")


def _add_content(document: Document, content: Content, before: int, where: str) -> None:
    added = range(before, len(document.phones))
    document.contents.extend([content] * len(added))
    if not added:
        document.findings.append(f"{where}no abonent")
    for finding in content.findings:
        document.findings.append(where + finding)
    if content.refusal:
        document.refusals.update(dict.fromkeys(added, content.refusal))
        document.findings.append(f"{where}refused, {content.refusal}")


def _attributes(element: etree._Element) -> dict[str, str]:
    return dict(element.items())  # type: ignore[arg-type]  # the stubs allow for bytes, the parser does not


def _find_misplaced_security(root: etree._Element, findings: list[str]) -> None:
    tags = [child.tag for child in root]
    if "security" in tags[1:-1]:
        findings.append("security stands between messages")

"""JSON lines and spreadsheets give the same rows as a CSV list."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from worker.intake import IntakeError, RecipientList, Row, open_list


def read(path: Path, **wanted: str) -> tuple[RecipientList, list[Row]]:
    with open_list(path, **wanted) as recipients:
        return recipients, list(recipients)


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "list.jsonl"


def test_the_keys_of_json_lines_are_the_columns(jsonl: Path) -> None:
    jsonl.write_text(
        '{"phone": "8 900 000-00-01", "name": "Анна", "ref": "a"}\n\n{"city": "Омск", "phone": 79000000002}\n'
    )
    recipients, found = read(jsonl)

    assert recipients.columns == ("name", "city")
    assert (recipients.phone_column, recipients.delimiter) == ("phone", None)
    assert found == [
        Row(1, "79000000001", "8 900 000-00-01", "a", ("Анна", ""), None),
        Row(3, "79000000002", "79000000002", None, ("", "Омск"), None),
    ]


def test_a_json_number_that_lost_its_digits_is_refused_and_none_is_made_of_it(jsonl: Path) -> None:
    jsonl.write_text('{"phone": 7.90333e10, "sum": 0.10}\n{"phone": 79000000001.0, "sum": 1e2}\n')
    first, second = read(jsonl)[1]

    assert (first.msisdn, first.problem) == (None, "spreadsheet damage: the number lost its digits (7.90333e10)")
    assert (second.msisdn, second.values) == ("79000000001", ("1e2",))


def test_a_value_that_no_json_has_refuses_its_line(jsonl: Path) -> None:
    jsonl.write_text('{"phone": "79000000001", "sum": 1}\n{"phone": "79000000002", "sum": NaN}\n')
    assert [row.msisdn for row in read(jsonl)[1]] == ["79000000001", None]


def test_json_lines_are_known_by_their_first_character(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes('\ufeff{"msisdn": "79000000001"}\n'.encode())

    assert read(path)[0].phone_column == "msisdn"


def test_a_line_that_is_no_object_is_one_refused_row(jsonl: Path) -> None:
    lines = ['{"phone": "79000000001", "name": "Anna"}', "{", "[1]", '{"phone": "79000000002", "name": ["x"]}', "null"]
    jsonl.write_text("\n".join([*lines, '{"phone": "79000000003"}']))
    found = read(jsonl)[1]

    assert [row.line for row in found if row.problem is None] == [1, 6]
    assert found[1].problem == "not a JSON object: write {...} in one line"
    assert found[3].problem == 'the value of "name" is neither a text nor a number'


def test_a_json_text_may_hold_any_separator(jsonl: Path) -> None:
    name = "a\u2028b\u0085c;d,e"
    jsonl.write_text(json.dumps({"phone": "79000000001", "name": name}, ensure_ascii=False), encoding="utf-8")

    assert read(jsonl)[1][0].values == (name,)


def test_json_without_objects_gets_one_clear_line(jsonl: Path) -> None:
    jsonl.write_text('[{"phone": "79000000001"}]')

    with pytest.raises(IntakeError, match="has no JSON objects in its first lines"):
        read(jsonl)


def sheet(rows: Sequence[Sequence[str | float | None]], *, first_row: int = 1) -> str:
    """Write the XML of a sheet: texts inline, numbers as numbers."""
    written = []
    for number, cells in enumerate(rows, first_row):
        places = [(f"{chr(ord('A') + at)}{number}", cell) for at, cell in enumerate(cells) if cell is not None]
        written.append(
            f'<row r="{number}">'
            + "".join(
                f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
                if isinstance(cell, str)
                else f'<c r="{place}"><v>{cell!r}</v></c>'
                for place, cell in places
            )
            + "</row>"
        )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{main}"><sheetData>{"".join(written)}</sheetData></worksheet>'


def workbook(*sheets: str, hidden: int | None = None) -> bytes:
    """Write the smallest .xlsx file that has these sheets; `hidden` is the number of one that nobody sees."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    numbers = range(1, len(sheets) + 1)
    state = {hidden: ' state="hidden"'}
    named = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"{state.get(n, "")}/>' for n in numbers)
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        f'xmlns:r="{office}"><sheets>{named}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{links}</Relationships>',
        **{f"xl/worksheets/sheet{n}.xml": content for n, content in zip(numbers, sheets, strict=True)},
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + content)
    return written.getvalue()


def test_a_spreadsheet_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(
        workbook(
            sheet(
                [
                    ["Телефон", "Имя", "Сумма"],
                    [79000000001.0, "Анна", 1500.0],
                    ["8 (900) 000-00-02", None, 2.5],
                    [None, None, None],
                    ["7.90300E+10", "Лев", 1.0],
                ]
            )
        )
    )
    recipients, found = read(path)

    assert recipients.columns == ("Имя", "Сумма")
    assert recipients.encoding is None
    assert [(row.line, row.msisdn, row.values) for row in found] == [
        (2, "79000000001", ("Анна", "1500")),
        (3, "79000000002", ("", "2.5")),
        (5, None, ("Лев", "1")),
    ]


def test_the_first_sheet_with_anything_in_it_is_taken_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(workbook(sheet([]), sheet([["phone"], ["79000000001"]], first_row=4)))

    assert [(row.line, row.msisdn) for row in read(path)[1]] == [(5, "79000000001")]


def test_sheets_that_are_not_read_are_named_where_they_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(workbook(sheet([["79000000001"]]), sheet([]), sheet([["79000000002"]])))

    assert read(path)[0].unread_sheets == ("S3",)


def test_nobody_on_a_hidden_sheet_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(workbook(sheet([["79000000001"]]), sheet([["79000000002"]]), hidden=1))

    assert [row.msisdn for row in read(path)[1]] == ["79000000002"]


def test_a_spreadsheet_comes_through_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(workbook(sheet([["79000000001"]])))))

    assert [row.msisdn for row in read(Path("-"))[1]] == ["79000000001"]


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"\0" * 100, b"phone\n79000000001\n", b"\xd0\xcf\x11\xe0" * 200])
def test_a_broken_spreadsheet_gets_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(content)

    with pytest.raises(IntakeError, match="is not a spreadsheet that can be read") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_an_empty_spreadsheet_says_so(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(workbook(sheet([])))

    with pytest.raises(IntakeError, match="is empty"):
        read(path)


def test_without_the_package_for_spreadsheets_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(workbook(sheet([["79000000001"]])))
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)

    with pytest.raises(IntakeError, match="pip install python-calamine"):
        read(path)

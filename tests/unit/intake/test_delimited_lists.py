"""Lists with a delimiter, and plain numbers: every data row comes out, under its line, or the list is refused."""

import csv
import io
from collections.abc import Callable
from os import mkfifo
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.intake import IntakeError, RecipientList, Row, open_list
from worker.intake.recipient_list import LONG_REF, TOO_MANY_CELLS

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_list(content: str | bytes) -> Path:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_list


def read(path: Path, **wanted: str) -> tuple[RecipientList, list[Row]]:
    with open_list(path, **wanted) as recipients:
        return recipients, list(recipients)


def refusal(path: Path, **wanted: str) -> str:
    with pytest.raises(IntakeError) as caught:
        read(path, **wanted)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_found(write: Write, delimiter: str, end: str) -> None:
    rows = [["phone", "name"], ["79000000001", "Anna"], ["79000000002", "Ivan, Petr; and | all"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)

    recipients, found = read(write(text.getvalue()))

    assert recipients.delimiter == delimiter
    assert recipients.columns == ("name",)
    assert recipients.phone_column == "phone"
    assert found == [
        Row(2, "79000000001", "79000000001", None, ("Anna",), None),
        Row(3, "79000000002", "79000000002", None, ("Ivan, Petr; and | all",), None),
    ]


def test_a_comma_inside_a_number_or_a_name_does_not_make_it_the_delimiter(write: Write) -> None:
    recipients, found = read(write("79000000001;1,5\n79000000002;2,5\n79000000003;Иванов, Иван\n"))

    assert recipients.delimiter == ";"
    assert [row.values for row in found] == [("1,5",), ("2,5",), ("Иванов, Иван",)]


def test_a_first_line_that_says_the_delimiter_is_no_data(write: Write) -> None:
    recipients, found = read(write("sep=|\r\nphone|name\r\n79000000001|Anna\r\n"))

    assert recipients.delimiter == "|"
    assert [row.line for row in found] == [3]


@pytest.mark.parametrize("said", ['"sep=;"', "SEP=;", '"Sep=;" '])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_the_first_line_says_the_delimiter_however_it_is_written(write: Write, said: str, end: str) -> None:
    recipients, found = read(write(end.join((said, "phone;name", "79000000001;Anna", ""))))

    assert recipients.delimiter == ";"
    assert [(row.line, row.msisdn, row.values) for row in found] == [(3, "79000000001", ("Anna",))]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be-bom"]
)
def test_the_encoding_is_found(write: Write, encoding: str) -> None:
    text = "телефон;имя\n79000000001;Пётр\n79000000002;Анна «Ё»\n"
    content = ("\ufeff" + text).encode("utf-16-be") if encoding == "utf-16-be-bom" else text.encode(encoding)

    recipients, found = read(write(content))

    assert recipients.columns == ("имя",)
    assert [row.values for row in found] == [("Пётр",), ("Анна «Ё»",)]


def test_an_encoding_that_shows_late_in_a_file_is_found(write: Write) -> None:
    text = "phone,name\n" + "79000000001,x\n" * 20_000 + "79000000002,Анна\n"

    assert read(write(text.encode("windows-1251")))[1][-1].values == ("Анна",)
    assert read(write(text.encode("utf-8")))[1][-1].values == ("Анна",)


def test_a_damaged_utf8_list_is_refused_and_never_read_as_noise(write: Write) -> None:
    content = "phone,name\n79000000001,Анна\n".encode() + b"79000000002,\xe8\n"

    assert "is not UTF-8 at byte 45: save the list as UTF-8" in refusal(write(content))
    assert content[44:45] == b"\xe8"


def test_a_byte_that_windows_1251_does_not_have_is_refused_with_its_place(write: Write) -> None:
    content = "phone,name\n79000000001,Анна\n79000000002,".encode("windows-1251") + b"\x98\n"

    assert "is not windows-1251 at byte 41" in refusal(write(content))


def test_the_place_of_a_wrong_byte_is_right_in_later_pieces(write: Write) -> None:
    content = ("phone,name\n79000000001,Анна\n" + "79000000001,Анна\n" * 50_000).encode()

    assert f"at byte {len(content) + 1}:" in refusal(write(content + b"\xff\n"))


@pytest.mark.parametrize(
    "content",
    [
        b"\0\1\2\3" * 100,
        b"79000000001\0\n79000000002\n",
        bytes(range(256)) * 10,
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\r" * 9,
    ],
)
def test_a_binary_file_gets_one_clear_line(write: Write, content: bytes) -> None:
    assert "is not a text file: save the list as CSV" in refusal(write(content))


def test_a_spreadsheet_under_the_name_of_a_csv_gets_one_clear_line(write: Write) -> None:
    assert "is a spreadsheet or an archive, not text: name it .xlsx" in refusal(write(b"PK\x03\x04" + b"\0" * 50))


def test_plain_numbers_are_a_list_without_columns(write: Write) -> None:
    recipients, found = read(write("+7 900 000-00-01\n\n89000000002\n  9000000003  \n79000000004, 79000000005\nabc\n"))

    assert recipients.columns == ()
    assert recipients.delimiter is None
    assert recipients.phone_column == "column1"
    assert [(row.line, row.msisdn) for row in found] == [
        (1, "79000000001"),
        (3, "79000000002"),
        (4, "79000000003"),
        (5, None),
        (6, None),
    ]
    assert found[3].problem == "two numbers in one cell"


def test_plain_numbers_may_have_a_title(write: Write) -> None:
    recipients, found = read(write("Клиенты\n79000000001\n"))

    assert recipients.phone_column == "Клиенты"
    assert [row.line for row in found] == [2]


def test_a_bad_first_number_is_data_and_no_header(write: Write) -> None:
    assert [row.line for row in read(write("12345\n79000000001\n"))[1]] == [1, 2]
    assert [row.line for row in read(write("7.90300E+10;Анна\n79000000001;Пётр\n"))[1]] == [1, 2]


def test_without_a_header_columns_are_called_by_place(write: Write) -> None:
    recipients, found = read(write("Анна;79000000001;Омск\nПётр;79000000002;Уфа\nЛев;79000000003;Уфа;x\n"))

    assert recipients.phone_column == "column2"
    assert recipients.columns == ("column1", "column3")
    assert found[0].values == ("Анна", "Омск")
    assert found[2].problem is not None


@pytest.mark.parametrize(
    "header", ["phone", "Телефон", "PHONE NUMBER", "Mobile_Phone", "msisdn", "Контактный телефон", "Тел.", "номер"]
)
def test_the_phone_column_is_found_by_its_name(write: Write, header: str) -> None:
    assert read(write(f"код;{header}\n5;79000000001\n"))[0].phone_column == header


def test_the_phone_column_is_found_by_what_is_in_it(write: Write) -> None:
    content = "ид,связь,сумма\n1,+7 900 000-00-01,1500\n2,нет,200\n3,89000000002,300\n"

    assert read(write(content))[0].phone_column == "связь"


def test_of_two_columns_with_a_phone_name_the_one_with_phones_is_taken(write: Write) -> None:
    assert read(write("телефон,мобильный\n,79000000001\n12,79000000002\n"))[0].phone_column == "мобильный"


def test_two_columns_of_phones_need_a_word_from_the_user(write: Write) -> None:
    path = write("name,work,home\nAnna,79000000001,79000000002\n")

    assert refusal(path).endswith(
        "has more than one column of phone numbers: work, home; name it with --phone-column (columns: name, work, home)"
    )
    assert read(path, phone_column="Home")[0].columns == ("name", "work")


def test_two_columns_of_phones_with_one_name_need_a_word_from_the_user(write: Write) -> None:
    with pytest.raises(IntakeError, match=r"more than one column of phone numbers: phone, phone \(2\)"):
        read(write("phone,phone\n79000000001,79000000002\n"))


def test_one_number_among_remarks_does_not_make_a_phone_column(write: Write) -> None:
    remarks = "".join(f"{at},позвонить\n" for at in range(9))

    assert "has no column of phone numbers" in refusal(write(f"код,заметка\n{remarks}9,79000000001\n"))


def test_one_good_number_is_enough_for_a_list_of_plain_numbers(write: Write) -> None:
    assert [row.msisdn for row in read(write("123\n" * 9 + "79000000001\n"))[1]] == [None] * 9 + ["79000000001"]


def test_whoever_breaks_off_goes_on_with_the_next_row(write: Write) -> None:
    with open_list(write("phone\n79000000001\n79000000002\n")) as recipients:
        assert next(iter(recipients)).line == 2
        assert [row.line for row in recipients] == [3]


def test_an_encoding_that_shows_late_in_a_pipe_is_refused_and_never_guessed(tmp_path: Path) -> None:
    pipe = tmp_path / "list"
    mkfifo(pipe)
    content = "phone,name\n" + "79000000001,x\n" * 20_000 + "79000000002,Анна\n"
    writer = Thread(target=pipe.write_bytes, args=(content.encode("windows-1251"),))
    writer.start()
    try:
        assert "is not UTF-8 at byte 280024" in refusal(pipe)
    finally:
        writer.join()


def test_no_column_of_phones_names_the_columns(write: Write) -> None:
    assert refusal(write("name,city\nAnna,Omsk\n")).endswith(
        "has no column of phone numbers; name it with --phone-column (columns: name, city)"
    )


def test_an_unknown_column_names_the_nearest(write: Write) -> None:
    path = write("phone,name,order\n79000000001,Anna,5\n")

    assert 'has no column "phnoe" (did you mean "phone"?); its columns are phone, name, order' in refusal(
        path, phone_column="phnoe"
    )
    assert 'has no column "ordr" (did you mean "order"?)' in refusal(path, ref_column="ordr")


def test_an_error_that_names_columns_shows_nobodys_number(write: Write) -> None:
    assert "9000000001" not in refusal(write("a 79000000001,b\nc,d\n"))


def test_the_reference_is_no_variable(write: Write) -> None:
    content = f"phone,order,name\n79000000001, 5 ,Anna\n79000000002,,Ivan\n79000000003,{'x' * 201},Lev\n"
    recipients, found = read(write(content), ref_column="order")

    assert recipients.columns == ("name",)
    assert [(row.msisdn, row.ref) for row in found] == [("79000000001", "5"), ("79000000002", None), (None, None)]
    assert found[2].problem == "the reference is longer than 200 characters"


def test_columns_without_a_name_are_left_out_and_a_repeated_name_is_numbered(write: Write) -> None:
    recipients, found = read(write("phone,name,,name\n79000000001,Anna,x,Ivan\n"))

    assert recipients.columns == ("name", "name (2)")
    assert found[0].values == ("Anna", "Ivan")


def test_a_short_row_has_empty_values_and_a_long_one_is_refused(write: Write) -> None:
    content = "phone;name;city\n79000000001\n79000000002;Anna;Omsk;;\n79000000003;Anna;Omsk;x\n;Anna;Omsk\n"
    found = read(write(content))[1]

    assert found[0] == Row(2, "79000000001", "79000000001", None, ("", ""), None)
    assert found[1].msisdn == "79000000002"
    assert found[2].msisdn is None
    assert found[2].problem == (
        "more cells than the list has columns: put quotes around a cell with the delimiter in it"
    )
    assert found[3].problem == "no phone number"


def test_blank_rows_are_no_data(write: Write) -> None:
    found = read(write("\n;;\nphone;name\n\n79000000001;Anna\n ; \n;;\n79000000002;Ivan\n\n"))[1]

    assert [row.line for row in found] == [5, 8]


def test_values_are_trimmed(write: Write) -> None:
    assert read(write('phone, name\n79000000001, " Anna "\n'))[1][0].values == ("Anna",)


def test_a_row_with_line_breaks_is_known_by_its_first_line(write: Write) -> None:
    found = read(write('phone,name,city\n79000000001,"An\nna\n","Omsk"\n79000000002,Ivan,Ufa\n'))[1]

    assert [(row.line, row.values) for row in found] == [(2, ("An\nna", "Omsk")), (5, ("Ivan", "Ufa"))]


def test_whoever_goes_on_after_a_break_gets_the_next_row(write: Write) -> None:
    with open_list(write("phone,name\n" + "".join(f"7900000{line:04},Anna\n" for line in range(2, 600)))) as recipients:
        read = [next(iter(recipients)).line for _ in range(2, 600)]
        assert next(iter(recipients), None) is None
    assert read == list(range(2, 600))


@pytest.mark.parametrize("odd_line", [2, 3, 200, 201, 202, 203, 401, 402, 600])
@pytest.mark.parametrize(
    ("odd_row", "odd"),
    [
        ("79000000001", Row(0, "79000000001", "79000000001", None, ("", ""), None)),
        ("+7 900 000-00-01,Anna,a,", Row(0, "79000000001", "+7 900 000-00-01", "Anna", ("a", ""), None)),
        ("nobody,,,", Row(0, None, "nobody", None, ("", ""), "not a phone number")),
        (
            "79000000001,a,b,c,d",
            Row(0, None, "79000000001", "a", ("b", "c"), TOO_MANY_CELLS),
        ),
        (f"79000000001,{'r' * 201},b,c", Row(0, None, "79000000001", None, ("b", "c"), LONG_REF)),
        (",,,", None),
        ("", None),
    ],
)
def test_an_odd_row_changes_nothing_for_the_plain_ones_around_it(
    write: Write, odd_line: int, odd_row: str, odd: Row | None
) -> None:
    lines = {line: f"7900000{line:04}, r{line} , Имя ,{line}" for line in range(2, 605)} | {odd_line: odd_row}
    expected = [
        Row(line, f"7900000{line:04}", f"7900000{line:04}", f"r{line}", ("Имя", str(line)), None)
        if line != odd_line
        else odd and odd._replace(line=line)
        for line in lines
    ]

    _, found = read(write("\n".join(["phone,ref,name,size", *lines.values()])), ref_column="ref")

    assert found == [row for row in expected if row is not None]


def test_a_row_of_two_lines_moves_those_below_it_and_no_others(write: Write) -> None:
    rows = [f"7900000{row:04},Anna\n" for row in range(500)]
    rows[250] = '79000000250,"An\nna"\n'

    _, found = read(write("phone,name\n" + "".join(rows)))

    assert [row.line for row in found] == [*range(2, 253), *range(254, 503)]
    assert found[250].values == ("An\nna",)


def test_rows_before_bytes_that_are_no_text_are_read(write: Write) -> None:
    rows = "".join(f"7900000{row:04},Имя\n" for row in range(9_999)).encode()
    path = write(b"phone,name\n" + rows * 2 + b"79000000000,\xff\n")
    taken = []

    with pytest.raises(IntakeError, match="is not UTF-8 at byte"), open_list(path) as recipients:
        for row in recipients:
            taken.append(row)

    assert len(taken) > 9_999
    assert [row.line for row in taken] == list(range(2, 2 + len(taken)))


def test_a_quote_that_is_never_closed_is_refused_with_its_line(write: Write) -> None:
    assert "line 2: a quote that opens here is never closed" in refusal(
        write('phone,name\n79000000001,"Anna\n79000000002,Ivan\n')
    )
    long = 'phone,name\n79000000001,Anna\n79000000001,"Anna\n' + "79000000002,Ivan\n" * 20_000
    assert "line 3: a quote that opens here is never closed" in refusal(write(long))


def test_a_quote_that_swallows_the_rows_below_is_refused(write: Write) -> None:
    content = 'phone,name\n79000000001,"Anna\n79000000002,"Ivan"\n79000000003,Lev\n'

    assert "line 2: a quote that opens here swallows the rows up to line 3" in refusal(write(content))


def test_a_quote_inside_a_cell_is_a_character(write: Write) -> None:
    assert read(write('phone;name\n79000000001;ООО "Ромашка"\n'))[1][0].values == ('ООО "Ромашка"',)


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff", ";;;\n\t\n"])
def test_an_empty_list_says_so(write: Write, content: str) -> None:
    assert "is empty: give one recipient per line" in refusal(write(content))


def test_a_header_alone_is_a_list_of_nobody(write: Write) -> None:
    assert read(write("phone;name\n"))[1] == []


def test_a_line_without_end_is_refused(write: Write) -> None:
    assert "a line of over a million characters" in refusal(write("phone,name\n" + "x" * 2_000_000))


def test_a_missing_file_and_a_directory_get_one_clear_line(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv") == f"there is no file {tmp_path / 'none.csv'}: check the name"
    assert refusal(tmp_path) == f"{tmp_path} is a directory: name the list in it"
    assert "there is no list format" in refusal(tmp_path, format="xml")


def test_standard_input_is_read_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO("phone;name\n79000000001;Анна\n".encode("windows-1251"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))
    with open_list("-") as recipients:
        found = list(recipients)

    assert found == [Row(2, "79000000001", "79000000001", None, ("Анна",), None)]
    assert not stream.closed


CELLS = st.text(
    st.characters(codec="windows-1251", exclude_categories=["Cc"]) | st.sampled_from(';,|\t\n" '), max_size=8
)
MOBILES = st.integers(min_value=79_000_000_000, max_value=79_999_999_999).map(str)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(MOBILES, CELLS, CELLS), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "windows-1251", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_what_a_csv_writer_wrote_is_read_back(
    write: Write, rows: list[tuple[str, str, str]], delimiter: str, end: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerows([("телефон", "имя", "город"), *rows])

    recipients, found = read(write(text.getvalue().encode(encoding)))

    assert recipients.delimiter == delimiter
    assert [row.msisdn for row in found] == [phone for phone, _, _ in rows]
    assert [row.values for row in found] == [(name.strip(), city.strip()) for _, name, city in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300)
    | st.text(st.sampled_from('79;,|\t"\n\rяa{}:[]E+. \0'), max_size=200).map(str.encode)
    | st.text(max_size=100).map(lambda text: text.encode("utf-16", "surrogatepass")),
    asked=st.sampled_from([None, "csv", "jsonl", "xlsx"]),
)
def test_no_bytes_at_all_raise_anything_but_an_intake_error(write: Write, content: bytes, asked: str | None) -> None:
    try:
        with open_list(write(content), format=asked) as recipients:
            for row in recipients:
                assert (row.msisdn is None) == (row.problem is not None)
                assert len(row.values) == len(recipients.columns)
    except IntakeError as error:
        assert "\n" not in str(error)

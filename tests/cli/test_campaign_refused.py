"""Bad input of `campaign create` and its neighbours: one line that says what and how to mend, and nothing left."""

import pytest

from tests.cli.shell import Shell

pytestmark = pytest.mark.timeout(120)
SMS = ("campaign", "create", "--sender", "Shop", "--text", "Hello")

REFUSED = [
    ("no such file", [*SMS, "--recipients", "nope.csv"], "there is no file nope.csv: check the name"),
    ("a folder", [*SMS, "--recipients", "."], "is a directory"),
    ("an empty list", [*SMS, "--recipients", "empty.csv"], "empty.csv is empty"),
    (
        "a header alone",
        [*SMS, "--recipients", "header.csv"],
        "header.csv: nobody can be sent to: the list has a header",
    ),
    (
        "no valid number",
        [*SMS, "--recipients", "bad.csv"],
        "bad.csv: nobody can be sent to: every one of 2 rows was refused (2 × not a phone number)",
    ),
    (
        "a variable that no column has",
        ["campaign", "create", "--sender", "Shop", "--text", "Hello {nam}", "--recipients", "list.csv"],
        "the text names {nam}, which no column has: the list has name, city; did you mean {name}?",
    ),
    (
        "a variable and a plain list",
        ["campaign", "create", "--sender", "Shop", "--text", "Hello {name}", "--recipients", "plain.txt"],
        "the list has no columns beside the number",
    ),
    (
        "a brace alone",
        ["campaign", "create", "--sender", "Shop", "--text", "Hello {name", "--recipients", "list.csv"],
        "a brace without its partner",
    ),
    (
        "a long sender of digits",
        ["campaign", "create", "--sender", "1234567890123456", "--text", "Hello", "--recipients", "list.csv"],
        "has 16 characters",
    ),
    (
        "a long sender",
        ["campaign", "create", "--sender", "ABCDEFGHIJKL", "--text", "Hello", "--recipients", "list.csv"],
        "has 12 characters",
    ),
    (
        "an empty text",
        ["campaign", "create", "--sender", "Shop", "--text", " ", "--recipients", "list.csv"],
        "text is empty",
    ),
    ("an unknown account", [*SMS, "--recipients", "list.csv", "--account", "nobody"], 'no account "nobody"'),
    ("an empty key", [*SMS, "--recipients", "list.csv", "--key", " "], "--key is empty"),
    ("no moment", [*SMS, "--recipients", "list.csv", "--at", "soon"], '--at "soon" is no moment'),
    ("an unknown kind", [*SMS, "--recipients", "list.csv", "--kind", "smz"], 'there is no kind "smz"'),
    (
        "an unknown column",
        [*SMS, "--recipients", "list.csv", "--phone-column", "tel"],
        'list.csv has no column "tel"; its columns are phone, name, city',
    ),
    ("refused rows onto the list", [*SMS, "--recipients", "bad.csv", "--rejected", "bad.csv"], "is the list itself"),
    (
        "refused rows into no folder",
        [*SMS, "--recipients", "bad.csv", "--rejected", "no/rejected.csv"],
        "there is no folder no for the refused rows",
    ),
    ("nothing on standard input", [*SMS, "--recipients", "-"], "standard input is empty"),
]


@pytest.mark.parametrize(("arguments", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_bad_input_is_one_line_and_leaves_no_campaign(shell: Shell, arguments: list[str], said: str) -> None:
    shell.write_list([], "empty.csv")
    shell.write_list(["phone,name"], "header.csv")
    shell.write_list(["phone,name", "abc,Ivan", "def,Olga"], "bad.csv")
    shell.write_list(["79033256699"], "plain.txt")
    before = sorted(path.name for path in shell.folder.iterdir())
    assert said in shell.refusal(*arguments)
    assert sorted(path.name for path in shell.folder.iterdir() if "bulkpost.db-" not in path.name) == before
    assert (shell.folder / "bad.csv").read_text(encoding="utf-8") == "phone,name\nabc,Ivan\ndef,Olga\n"
    assert shell.json("campaign", "list") == []


@pytest.mark.parametrize("command", ["show", "results", "watch", "start", "pause", "resume", "cancel"])
def test_unknown_campaign_is_refused_by_every_command(shell: Shell, command: str) -> None:
    assert shell.refusal("campaign", command, "99").startswith("no campaign 99: bulkpost campaign list shows")


def test_number_that_no_database_holds_is_wrong_usage(shell: Shell) -> None:
    done = shell.run("campaign", "show", "99999999999999999999999")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_missing_option_is_wrong_usage(shell: Shell) -> None:
    done = shell.run(*SMS)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--recipients" in done.stderr


def test_same_key_returns_the_first_campaign(shell: Shell) -> None:
    first = shell.create("--key", "order-1")
    again = shell.run(*SMS, "--recipients", "list.csv", "--key", "order-1")
    assert (again.returncode, "nothing was created" in again.stderr) == (0, True)
    assert [campaign["id"] for campaign in shell.json("campaign", "list")] == [first["id"]]
    said = shell.refusal(
        "campaign", "create", "--sender", "Shop", "--text", "Other", "--recipients", "list.csv", "--key", "order-1"
    )
    assert "order-1" in said


def test_bad_rows_are_told_and_written_down_while_the_others_are_kept(shell: Shell) -> None:
    rows = ["abc,Bad,", "7.90300E+10,Sheet,", "7.90400E+10,Sheet,", "79033256697,Boris,", "8 903 325 66 97,Twice,"]
    shell.write_list(["phone,name,city", *rows])
    done = shell.run(*SMS, "--recipients", "list.csv")
    assert done.returncode == 0
    said = done.stderr.split("will not be sent:\n")[1].splitlines()
    assert [line.split(maxsplit=1) for line in said[:3]] == [
        ["2", "spreadsheet damage: the number lost its digits"],
        ["1", "not a phone number"],
        ["1", "the same number twice"],
    ]
    written = (shell.folder / "list.rejected.csv").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split(",")[0] for line in written[1:]) == ["2", "3", "4", "6"]
    assert shell.json("campaign", "show", "1")["counts"]["pending"] == 1


def test_list_is_read_from_standard_input(shell: Shell) -> None:
    done = shell.run(*SMS, "--recipients", "-", "--json", stdin="79033256699\nnobody\n")
    assert done.returncode == 0, done.stderr
    assert (shell.folder / "stdin.rejected.csv").exists()
    assert '"pending": 1' in done.stdout

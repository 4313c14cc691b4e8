"""`bulkpost why`: a number as people write it, its story as a person and as a program reads it."""

from tests.cli.shell import Shell


def test_a_number_is_read_as_people_write_it_and_told_in_lines(shell: Shell) -> None:
    shell.create("--draft")
    done = shell.run("why", "8 (903) 325-66-99")
    assert (done.returncode, done.stderr) == (0, "")
    first, *steps, last = done.stdout.splitlines()
    assert first == "79033256699: 1 campaign"
    assert any("imported" in step and "position 1 of 2" in step for step in steps)
    assert last.startswith("campaign 1 ") and "it is pending there" in last
    assert "bulkpost campaign start 1" in last


def test_a_program_gets_the_same_as_json(shell: Shell) -> None:
    shell.run("stoplist", "add", "79033256699", "--reason", "asked by letter")
    shell.create("--draft")
    told = shell.json("why", "79033256699")
    assert (told["phone"], told["stop_list"]["reason"]) == ("79033256699", "asked by letter")
    (one,) = told["campaigns"]
    assert (one["campaign"], one["status"], one["reason"]) == (1, "skipped", "on the stop list")
    assert one["next"] == "nothing: it is not sent"
    assert [step["what"] for step in told["timeline"]][:1] == ["stopped"]


def test_a_stranger_is_an_answer_and_no_failure(shell: Shell) -> None:
    done = shell.run("why", "79040000000")
    assert (done.returncode, done.stdout) == (0, "79040000000: in no campaign\n")
    assert shell.json("why", "79040000000")["campaigns"] == []


def test_what_is_no_number_is_refused_without_quoting_it(shell: Shell) -> None:
    assert shell.refusal("why", "7903325") == "the number cannot be read: too few digits for a phone number"

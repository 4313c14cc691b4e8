"""Options that say when, until when, how fast and at what cost: what they do, and how they are refused."""

import pytest

from tests.cli.shell import Shell

LONG_AGO, FAR_AWAY = "2020-01-01 10:00", "2030-06-01 10:00"


def create(shell: Shell, *options: str) -> str:
    basic = ("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "list.csv")
    return shell.refusal(*basic, *options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--at", LONG_AGO], f'--at "{LONG_AGO}" is in the past: to send now, say --now instead'),
        (["--at", FAR_AWAY, "--now"], "--at and --now say different things"),
        (["--at", "2030-03-31 02:30", "--time-zone", "Europe/Berlin"], "does not exist in Europe/Berlin"),
        (["--at", "2030-10-27 02:30", "--time-zone", "Europe/Berlin"], "write 2030-10-27 02:30+02:00 or 2030-10-27"),
        (["--time-zone", "Europe/Moskow"], 'no time zone "Europe/Moskow": did you mean Europe/Moscow?'),
        (["--at", FAR_AWAY, "--latest", "2030-06-01 09:00"], "is not after the start"),
        (["--latest", LONG_AGO], "is not after the start"),
        (["--latest", "soon"], '--latest "soon" is no moment'),
        (["--window", "09:00-09:00"], "never opens"),
        (["--window", "09:00-21:00 someday"], '"someday" is no day of the week'),
        (["--at", FAR_AWAY, "--latest", "3h", "--window", "18:00-19:00"], "opens at 2030-06-01 18:00 +0300"),
        (["--holidays", "days.txt"], "--holidays keeps a --window closed"),
        (["--window", "09:00-21:00", "--holidays", "none.txt"], "--holidays none.txt: cannot be read"),
        (["--window", "09:00-21:00", "--holidays", "days.txt"], '--holidays days.txt line 2: "Easter" is no date'),
        (["--canary", "1", "--canary-errors", "200%"], '--canary-errors "200%" is no percentage'),
        (["--canary-errors", "7%"], "--canary-errors is about a --canary"),
        (["--max-segments", "1"], "billed for 2 segments, and --max-segments is 1"),
    ],
)
def test_what_could_never_be_sent_is_refused_in_one_line(shell: Shell, options: list[str], said: str) -> None:
    shell.write_list(["2027-01-01", "Easter"], "days.txt")
    assert said in create(shell, *options)
    assert shell.json("campaign", "list") == []


def test_a_personal_text_is_counted_while_it_is_imported(shell: Shell) -> None:
    shell.write_list(["phone,text", f"79033256699,{'a' * 161}", "79033256698,short"])
    basic = ("campaign", "create", "--sender", "Shop", "--text", "{text}", "--recipients", "list.csv")
    assert "billed for 3 segments" in shell.refusal(*basic, "--max-segments", "2")
    assert shell.json("campaign", "list") == []
    assert shell.json(*basic, "--max-segments", "3")["max_segments"] == 3


def test_show_names_what_a_campaign_waits_for_and_until_when(shell: Shell) -> None:
    shown = shell.create("--at", FAR_AWAY, "--latest", "2h", "--time-zone", "Asia/Yekaterinburg")
    assert shown["start_at"] == "2030-06-01T05:00:00Z"
    assert shown["latest_at"] == "2030-06-01T07:00:00Z"
    assert shown["waiting_for"] == "its time, 2030-06-01 05:00:00 UTC"
    assert shown["waiting_until"] == shown["start_at"]
    printed = shell.run("campaign", "show", str(shown["id"])).stdout
    assert "until        2030-06-01 08:00:00 MSK" in printed


def test_a_key_repeated_after_the_start_still_names_the_first_campaign(shell: Shell) -> None:
    first = shell.create("--key", "may", "--at", FAR_AWAY)
    assert shell.create("--key", "may", "--at", LONG_AGO)["id"] == first["id"]


def test_an_account_takes_limits_and_gives_them_up_again(shell: Shell) -> None:
    shell.write_list(["2027-01-01"], "days.txt")
    limits = ["--per-day", "1000", "--segments-per-day", "3000", "--window", "09:00-21:00", "--holidays", "days.txt"]
    assert shell.run("account", "set", "default", *limits).returncode == 0
    (account,) = shell.json("account", "list")
    assert (account["per_day"], account["segments_per_day"], account["window"]) == (1000, 3000, "09:00-21:00")
    assert account["time_zone"] == "Europe/Moscow"
    assert "0 of 1,000" in shell.run("account", "list").stdout
    assert shell.run("account", "set", "default", "--per-day", "0", "--window", "").returncode == 0
    (account,) = shell.json("account", "list")
    assert (account["per_day"], account["segments_per_day"], account["window"]) == (None, 3000, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--window", "always"], '"always" has no hours'),
        (["--time-zone", "Mars/Phobos"], 'no time zone "Mars/Phobos"'),
        (["--holidays", "none.txt"], "cannot be read"),
    ],
)
def test_an_account_refuses_what_cannot_be(shell: Shell, options: list[str], said: str) -> None:
    assert said in shell.refusal("account", "set", "default", *options)


def test_resume_says_how_it_should_go_on(shell: Shell) -> None:
    campaign = str(shell.create("--at", FAR_AWAY)["id"])
    shell.run("campaign", "pause", campaign)
    assert "say different things" in shell.refusal("campaign", "resume", campaign, "--latest", "2h", "--late-anyway")
    assert "is past its latest" in shell.refusal("campaign", "resume", campaign, "--latest", LONG_AGO)
    assert shell.run("campaign", "resume", campaign, "--latest", "2031-01-01 10:00").returncode == 0
    assert shell.json("campaign", "show", campaign)["latest_at"] == "2031-01-01T07:00:00Z"


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("create", "--max-segments", "99999999999999999999"),
        ("create", "--canary", "2147483648"),
        ("resume", "--max-segments", "2147483648"),
        ("set", "--per-day", "99999999999999999999"),
        ("set", "--segments-per-day", "2147483648"),
        ("set", "--per-second", "inf"),
    ],
)
def test_a_number_that_no_column_holds_is_wrong_usage(shell: Shell, command: str, option: str, value: str) -> None:
    begun = {
        "create": ("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "list.csv"),
        "resume": ("campaign", "resume", "1"),
        "set": ("account", "set", "default"),
    }
    done = shell.run(*begun[command], option, value)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Invalid value for '{option}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rate_that_would_never_let_the_second_message_go_is_refused(shell: Shell) -> None:
    said = shell.refusal("account", "set", "default", "--per-second", "1e-300")
    assert said.startswith("--per-second 1e-300 is too slow to be meant: give at least 0.001")

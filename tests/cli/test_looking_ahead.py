"""What a campaign would be, before it is: dry run, preview, strictness, times, and every kind of message."""

import json

import pytest

from models.content import KINDS
from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator


def test_dry_run_shows_messages_segments_and_document_and_creates_nothing(shell: Shell) -> None:
    seen = shell.create("--dry-run", text="Привет, {name}")
    assert (seen["recipients"], seen["documents"], seen["segments"], seen["segments_each"]) == (2, 1, 2, {"1": 2})
    first = seen["first"][0]
    assert first["fields"] == {"sender": "Shop", "text": "Привет, Ivan"}
    assert (first["encoding"], first["forced_by"]) == ("UCS-2", "П")
    assert seen["document"].count("<abonent ") == 2
    assert 'value="***"' in seen["document"]
    assert shell.json("campaign", "list") == []


def test_dry_run_tells_refused_rows_as_a_real_run_does(shell: Shell) -> None:
    shell.write_list(["phone,name", "79033256699,Ivan", "79033256699,Ivan again", "nobody,Olga", "79033256697,"])
    done = shell.run(
        "campaign", "create", "--sender", "Shop", "--text", "Hi {name}", "--recipients", "list.csv", "--dry-run"
    )
    assert done.returncode == 0
    assert "3 of 4 rows were refused" in done.stderr
    assert "1 recipients in 1 documents, segments 1" in done.stdout
    refused = (shell.folder / "list.rejected.csv").read_text(encoding="utf-8").splitlines()
    assert "3,79033256699,the same number as line 2" in refused


def test_preview_of_a_draft_is_what_its_start_posts(shell: Shell, simulator: RunningSimulator) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    made = shell.create("--draft", text="Hi {name}")
    seen = shell.json("campaign", "preview", str(made["id"]))
    shell.run("campaign", "start", str(made["id"]))
    assert shell.run("up", "--until-idle").returncode == 0
    charged = {message["client_id_sms"]: message["text"] for message in simulator.ledger()["messages"]}
    assert {sample["client_id_sms"]: sample["fields"]["text"] for sample in seen["first"]} == charged
    segments = shell.json("campaign", "show", str(made["id"]))["segments"]
    assert segments == {"billed": 2, "expected": 2, "forecast": None}


def test_strict_refuses_the_whole_list_for_one_row(shell: Shell) -> None:
    shell.write_list(["phone", "79033256699", "nobody"])
    said = shell.refusal(
        "campaign", "create", "--sender", "Shop", "--text", "Hi", "--recipients", "list.csv", "--strict"
    )
    assert said.startswith("1 of 2 rows were refused (1 × not a phone number): with --strict nothing is created")
    assert shell.json("campaign", "list") == []


def test_times_come_from_the_campaign_or_a_column_in_the_account_s_time(
    shell: Shell, simulator: RunningSimulator
) -> None:
    shell.write_list(["phone,when", "79033256699,2030-12-01 10:00", "79033256698,01.12.2030 11:30", "79033256697,soon"])
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    times = ("--time-send", "{when}", "--validity-period", "2031-01-01 00:00+00:00")
    said = shell.refusal("campaign", "create", "--sender", "Shop", "--text", "Hi", "--recipients", "list.csv", *times)
    assert "account default has no time offset" in said
    assert shell.run("account", "measure-time", "default").stderr.endswith("account default has the offset +03:00\n")
    assert shell.run("account", "set", "default", "--time-offset", "+05:00").returncode == 0
    seen = shell.create("--dry-run", *times, text="Hi")
    # TIME_ZONE is Moscow's, two hours behind this account's.
    assert 'time_send="2030-12-01 12:00" validity_period="2031-01-01 05:00"' in seen["document"]
    assert 'time_send="2030-12-01 13:30"' in seen["document"]
    assert seen["recipients"] == 2


def test_the_time_is_not_asked_of_a_gateway_outside_of_the_fence(shell: Shell) -> None:
    secrets = {"LOGIN": "l", "PASSWORD": "p"}
    allowed = {"ALLOWED_GATEWAYS": "gateway.invalid"}
    assert (
        shell.run("account", "set", "default", "--gateway-url", "http://gateway.invalid/xml", **allowed).returncode == 0
    )
    said = shell.refusal("account", "measure-time", "default", **secrets)
    assert said.startswith("account default posts to gateway.invalid, which environment development does not allow")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--time-send", "2020-01-01 10:00"], "is in the past: leave it out to send at once"),
        (["--validity-period", "2020-01-01 10:00"], "is in the past: nobody would be sent anything"),
        (["--time-send", "2030-01-02 10:00", "--validity-period", "2030-01-01 10:00"], "is not after time_send"),
        (["--time-send", "soon"], '--time-send "soon" is no moment'),
        (["--time-send", "{later}"], "the text names {later}, which no column has"),
        (["--kind", "vcard"], "text"),
        (["--kind", "flash"], "flash"),
    ],
)
def test_what_cannot_be_sent_so_is_one_line(shell: Shell, options: list[str], said: str) -> None:
    shell.run("account", "set", "default", "--time-offset", "+03:00")
    assert said in shell.refusal(
        "campaign", "create", "--sender", "Shop", "--text", "Hi", "--recipients", "list.csv", *options
    )


SMS = ["--sender", "Shop", "--text", "Hi {name}"]
VIBER = ["--sender-viber", "Shop", "--text-viber", "Hello {name}", "--button-viber", "Open", "--action-viber",
         "https://shop.example/{name}", "--image-viber", "https://shop.example/a.png"]  # fmt: skip
CARD = ["--contact-name", "Anna", "--cell", "79031234567", "--work", "74951234567", "--fax", "74951234568", "--email",
        "anna@shop.example", "--position", "Head", "--organization", "Shop", "--post-office-box", "5", "--street",
        "Arbat 1", "--city", "{city}", "--region", "Moscow", "--postal-code", "119002", "--country", "Russia",
        "--additional", "for {name}", "--url", "https://shop.example"]  # fmt: skip
OPTIONS = {
    "sms": SMS,
    "flashsms": SMS,
    "silence": ["--sender", "Shop"],
    "wappush": [*SMS, "--url", "https://shop.example/{name}"],
    "vcard": ["--sender", "Shop", *CARD],
    "viber": VIBER,
    "viber-sms": [*SMS, *VIBER],
    "sms-viber": [*SMS, *VIBER],
}


def test_every_kind_has_its_options() -> None:
    assert OPTIONS.keys() == KINDS.keys()


def test_every_kind_goes_from_options_or_from_a_file_to_the_gateway(shell: Shell, simulator: RunningSimulator) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    shell.write_list(["phone,name,city", "79033256699,Ivan,Moscow", "79033256698,Olga,Tver"])
    for kind, options in OPTIONS.items():
        made = shell.json("campaign", "create", "--kind", kind, "--recipients", "list.csv", *options)
        (shell.folder / "content.json").write_text(json.dumps(made["content"]), encoding="utf-8")
        again = shell.json(
            "campaign", "create", "--kind", kind, "--recipients", "list.csv", "--content", "content.json"
        )
        assert again["content"] == made["content"]
    assert shell.run("up", "--until-idle").returncode == 0
    charged = [message["kind"] for message in simulator.ledger()["messages"]]
    assert {kind: charged.count(kind) for kind in OPTIONS} == dict.fromkeys(OPTIONS, 4)
    assert shell.run("prove").returncode == 0


def test_replay_without_a_choice_says_how_to_choose(shell: Shell) -> None:
    assert "--attempts all" in shell.refusal("replay")
    assert shell.json("replay", "--attempts", "all", "--dry-run")["read"] == 0

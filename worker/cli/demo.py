"""`bulkpost demo`: everything in one go, in a folder that is thrown away, against the simulator."""

import threading
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from models.content import Sms
from models.ledger.report import results, show
from models.session import reading
from worker.cli.console import note, out, show_table
from worker.cli.prove import print_proof
from worker.cli.showing import print_campaign, watch_until_ended
from worker.importer import import_list
from worker.installing import prepare_database
from worker.intake.opening import open_list
from worker.intake.rejected import RejectedRows
from worker.list_reader import Mailing
from worker.logs import configure_logging
from worker.proof import Proof, prove
from worker.runtime import Runtime, open_runtime
from worker.settings import Settings, load_settings

SAMPLE = Path(__file__).parent.parent / "samples" / "list.csv"
TEXT = "Hello {name}, your order is ready"
FAULTS: list[dict[str, Any]] = [
    {"requests": [2], "cut": "after"},
    {"keys_ending": "7", "text": "Phone number is on the stop list"},
]


def demo(
    recipients: Annotated[Path, typer.Option(help="Another list to send to; nobody real is sent anything.")] = SAMPLE,
    text: Annotated[str, typer.Option(help="What to say.")] = TEXT,
) -> None:
    """Send a campaign to the simulator, with faults, and prove that everybody was charged once. Takes seconds.

    Uses a database of its own in a folder that is thrown away and ignores every BULKPOST_ setting, so that nothing can
    reach a real gateway.
    """
    # Only this command needs Celery and the simulator, and they take their time to import.
    from worker.embedded import Embedded
    from worker.simulator.running import running_simulator

    with TemporaryDirectory(prefix="bulkpost-demo-") as folder, running_simulator(faults=FAULTS) as simulator:
        settings = demo_settings(Path(folder), simulator.url)
        configure_logging(settings)
        runtime = open_runtime(settings)
        try:
            prepare_database(runtime)
            campaign_id = _import(runtime, recipients, text, Path(folder))
            ended = threading.Event()
            watching = threading.Thread(
                target=watch_until_ended, args=(runtime, campaign_id), kwargs={"give_up": ended}
            )
            watching.start()
            try:
                Embedded(runtime, until_idle=True).run()
            finally:
                ended.set()
                watching.join()
            proof = _report(runtime, campaign_id)
        finally:
            runtime.close()
    if not proof.holds:
        raise typer.Exit(1)


def demo_settings(folder: Path, gateway_url: str) -> Settings:
    """Return settings that come from nowhere but here, with waits that suit an impatient reader."""
    return load_settings(
        {},
        database_url=f"sqlite:///{folder / 'bulkpost.db'}",
        gateway_url=gateway_url,
        connect_timeout_seconds=2,
        read_timeout_seconds=5,
        lease_seconds=15,
        retry_base_seconds=1,
        tick_seconds=0.2,
        stop_file=str(folder / "bulkpost.stop"),
        log_level="ERROR",
    )


def _import(runtime: Runtime, recipients: Path, text: str, folder: Path) -> int:
    with open_list(recipients) as rows, RejectedRows(recipients, folder / "rejected.csv") as rejected:
        mailing = Mailing(Sms(sender="Shop", text=text), account="default", actor="demo", name="demo")
        imported = import_list(runtime.sessions, mailing, rows, rejected)
    note(f"{imported.total_count:,} rows imported from {recipients.name}")
    return imported.campaign_id


def _report(runtime: Runtime, campaign_id: int) -> Proof:
    with reading(runtime.sessions) as session:
        shown = show(session, campaign_id)
        kinds = Counter(
            (row.status.value, row.provider_text or row.reason or "") for row in results(session, campaign_id)
        )
    print_campaign(shown, runtime.settings)
    out.print()
    show_table(
        ("status", "what the gateway or the import said", "recipients"),
        [(status, said, f"{count:,}") for (status, said), count in sorted(kinds.items())],
        right=("recipients",),
    )
    out.print()
    counts = shown["counts"]
    seconds = (shown["finished_at"] - shown["created_at"]).total_seconds()
    note(f"sent in {seconds:.1f} seconds; one answer was cut on purpose after the gateway had charged it")
    proof = prove(runtime.sessions, campaign_id)
    if counts["pending"] or counts["unknown"]:
        note(f"{counts['pending']} are pending, {counts['unknown']} unknown: this demo should leave nobody in doubt")
    print_proof(proof)
    return proof

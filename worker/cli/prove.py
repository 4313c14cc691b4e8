"""`bulkpost prove`: whether the promises hold on the data itself."""

from dataclasses import asdict
from typing import Annotated

import typer

from worker.cli.console import LARGEST_ID, note, opened, out, show_json
from worker.proof import Proof
from worker.proof import prove as prove_it


def prove(
    id_: Annotated[
        int | None, typer.Argument(help="One campaign; without it, all.", min=1, max=LARGEST_ID, metavar="[ID]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False,
) -> None:
    """Check the data: nobody twice, counts that add up, an answer behind every acceptance.

    Where a gateway is the simulator, its ledger and the database are compared key by key. Exit 1 on any breach.
    """
    with opened() as runtime:
        fence = runtime.settings.fence
        proof = prove_it(runtime.sessions, id_, may_ask=lambda url: not fence(url).forbids_everything)
        show_json({**asdict(proof), "holds": proof.holds}) if as_json else print_proof(proof)
    if not proof.holds:
        raise typer.Exit(1)


def print_proof(proof: Proof) -> None:
    """Say in one line what was proved, or name every breach."""
    for breach in proof.breaches:
        note(f"{breach.promise} is broken: {breach.finding}")
    if not proof.holds:
        return
    looked_at = f"{proof.recipient_count:,} recipients in {proof.campaign_count:,} campaigns"
    ledger = (
        "no gateway is the simulator, so no ledger was compared"
        if proof.ledger_charged_count is None
        else f"the gateway's ledger charged {proof.ledger_charged_count:,} of them, each once, and agrees key by key"
    )
    out.print(f"proved: {looked_at}, counts add up, no id twice; {ledger}", markup=False)

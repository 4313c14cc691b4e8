"""`bulkpost campaign preview`: what a campaign would post, before it does."""

from dataclasses import asdict

from worker.cli.console import AsJson, Id, opened, out, show_json, show_table
from worker.preview import Preview, Sample
from worker.preview import preview as look_at


def preview(id_: Id, as_json: AsJson = False) -> None:
    """Show the first messages as they will be read, the segments, and the first document. Sends nothing."""
    with opened() as runtime:
        seen = look_at(runtime.sessions, runtime.settings, id_)
    show_json(to_plain(seen)) if as_json else print_preview(seen)


def print_preview(seen: Preview) -> None:
    """Print what would be posted."""
    for sample in seen.first:
        out.print(f"to {sample.phone}  client_id_sms {sample.send_key}", markup=False)
        for name, value in sample.fields.items():
            out.print(f"  {name:<13} {value}", markup=False)
        if sample.segments is not None:
            out.print(f"  {'segments':<13} {sample.segments}, {sample.encoding}{_why(sample)}", markup=False)
    out.print()
    total = "not known before" if seen.segments is None else f"{seen.segments:,}"
    out.print(f"{seen.recipients:,} recipients in {seen.documents:,} documents, segments {total}", markup=False)
    if len(seen.segments_each) > 1:
        rows = [(segments, f"{count:,}") for segments, count in seen.segments_each.items()]
        show_table(("segments", "messages"), rows, right=("segments", "messages"))
    for reason, count in seen.skipped.items():
        out.print(f"{count:,} will be skipped: {reason}", markup=False)
    out.print("the first document, credentials masked:", markup=False)
    out.print(seen.document, markup=False, soft_wrap=True)


def to_plain(seen: Preview) -> dict[str, object]:
    """Return the preview as JSON shows it."""
    plain = asdict(seen)
    for sample in plain["first"]:
        sample["client_id_sms"] = sample.pop("send_key")
    return plain


def _why(sample: Sample) -> str:
    if sample.forced_by is None:
        return ""
    cost = "" if sample.segments_without is None else f"; {sample.segments_without} without such characters"
    return f" because of {sample.forced_by!r}{cost}"

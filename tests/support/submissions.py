"""Submissions written out message by message, as tests like to."""

from worker.core.messages import Lines, Message, Submission


def submission_of(*messages: Message) -> Submission:
    """Return the document of these messages; their lines are numbered 1..n through it."""
    lines = [line for message in messages for line in message.lines]
    assert [line.number for line in lines] == [*range(1, len(lines) + 1)]
    positions, phones = [line.position for line in lines], [line.msisdn for line in lines]
    keys = [line.send_key for line in lines]
    moments = {line.position: line.moments for line in lines if line.moments is not None}
    contents = [message.content for message in messages]
    return Submission(contents, [len(message.lines) for message in messages], Lines(positions, phones, keys, moments))

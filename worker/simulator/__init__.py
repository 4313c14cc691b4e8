"""The provider's double: an HTTP server that speaks the provider's protocol, keeps a ledger and misbehaves on request.

    connection -> service -> document, content -> ledger -> reply -> mischief -> connection

`connection` is HTTP, `document` and `content` judge what came in, `ledger` knows what was charged, `plan` and `faults`
say what goes wrong and when, `mischief` spoils a reply, `enquiries` answers states, balance and time, `control` is
everything under /bulkpost-simulator, `server` listens (`running_simulator` for tests, `serve` for the command).

It shares no code with `worker.gateway`, `worker.core` or `models`, so that an error on one side cannot hide on the
other.
"""

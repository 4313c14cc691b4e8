"""The SQL verbs, in the order of the flow. Each takes a session and a clock; none commits.

Locks are taken in the order account, campaign, batch, on PostgreSQL as FOR NO KEY UPDATE: a plain FOR UPDATE would make
the claim wait for another application's open enqueue, which holds a key share on the account.
"""

"""The worker: from a campaign in SQL to the provider's answer per recipient.

    claim -> render -> group -> build XML -> POST -> parse -> decide -> record

`core` decides (pure), `gateway` speaks to the provider, `dispatcher` reads as the line above, `lane` repeats it,
`scheduler` is one tick, `tasks` and `celery` put both on Celery, `embedded` runs all of it in one process, `cli` is the
command `bulkpost`. Celery finds the application in `worker/celery.py` by itself (`celery -A worker ...`).
"""

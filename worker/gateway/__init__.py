"""The wire and the provider's words. No SQL, no Celery."""

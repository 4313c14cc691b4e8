"""Variants of the product that break one promise each, for the drill to find: what `celery -A` loads instead."""

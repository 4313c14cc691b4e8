"""Telling other applications what happened: the address is checked, the body signed, the POST bounded."""

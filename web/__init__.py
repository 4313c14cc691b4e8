"""The HTTP door: other applications create campaigns, watch and control them, each with an API key of its own.

Knows HTTP and JSON; refuses to know SQL, the gateway and how messages are sent. `web.app` puts it together.
"""

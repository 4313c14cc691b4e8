"""Who may use the simulator, and under which name the ledger knows them."""

from dataclasses import dataclass, field
from hashlib import sha256

from worker.simulator.document import Credentials


@dataclass(frozen=True, slots=True)
class Access:
    """The credentials that are accepted; with none given, any are, as long as there are some."""

    login: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def admits(self, given: Credentials) -> bool:
        """Say whether these credentials open the account."""
        if self.login is None and self.token is None:
            return bool(given.token or (given.login and given.password))
        by_login = self.login is not None and (given.login, given.password) == (self.login, self.password)
        return by_login or (self.token is not None and given.token == self.token)

    def account_of(self, given: Credentials) -> str:
        """Return the name of the key space: the login, or a fingerprint of a token that belongs to no known login."""
        if given.login or not given.token:
            return given.login
        return self.login or "token-" + sha256(given.token.encode()).hexdigest()[:12]

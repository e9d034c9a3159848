"""Access tokens for tests, made as the desk makes them."""

from __future__ import annotations

from access.tokens import AccessToken


def issue(user, name, days):
    """An account's token: its row, and what is shown once."""
    row = AccessToken(user=user, name=name)
    token = row.renew_secret(days)
    row.save()
    return row, token

"""Floor 2: who may do what, and where. Organizations, users, roles, scope, sessions, audit, personal identifiers."""

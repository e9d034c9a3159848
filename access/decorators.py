"""What a view says about its own door."""

from django.contrib.auth.decorators import login_not_required

public = login_not_required
"""Opens a view to people who are not signed in. Every other view asks for a session."""

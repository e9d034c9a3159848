"""WHIP (RFC 9725) as the one who is pushed to: browsers, phones and OBS publish, what they send is never decoded."""

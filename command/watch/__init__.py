"""The watch: who is on duty, and what the weather is; the top line of every screen tells both."""

"""What machines see: frames taken from streams and files, analysers that look at them, and what they found."""

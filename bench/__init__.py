"""Benchmarks: each a module with ``main(arguments) -> int`` that prints what it measured, as JSON with ``--json``."""

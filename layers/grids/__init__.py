"""Risk grids of modules: brought up to date by a job, kept by the twin, shown within a scope."""

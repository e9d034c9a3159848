"""动火作业: hot-work firms, welding machines, welders, key areas and important periods."""

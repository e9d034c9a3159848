"""沙盘启动器 (the launcher): installs, starts, watches, backs up and tests one installation.

Standard library only: it runs before any virtual environment exists.
"""

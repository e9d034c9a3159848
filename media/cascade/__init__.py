"""Platforms above ours (9.1, 9.3, annexes J and N): towards them we are a device that registers and shares cameras."""

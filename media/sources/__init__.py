"""Where pictures come from besides GB/T 28181: cameras that are pulled from, files, publishers that push."""

"""视频监控: cameras on the map, and what becomes of their alarms."""

"""The planners' desk (规划台): drafts of areas, their approval, their rehearsal on recorded history."""

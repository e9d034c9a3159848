"""What cameras look at: fields of view on the map, and who sees a place."""

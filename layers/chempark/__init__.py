"""化工园区: chemical plants, zones with their head-counts, and people on tags."""

"""The demo city: organizations, sites, areas, things and their devices, made up inside the city's own borders."""

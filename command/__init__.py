"""Floor 6: rules judge what the city's things do, alerts tell people, people answer."""

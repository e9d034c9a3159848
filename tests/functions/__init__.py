"""The register of requirements, and what the tests have shown of it."""

"""The platform, one file a concern."""

"""What the API shows: one declarative file per entity set."""

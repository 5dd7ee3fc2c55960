"""Reports of a campaign: one model, and one module for each format."""

"""Campaigns: many slices over many targets, unattended, that survive the death of any process."""

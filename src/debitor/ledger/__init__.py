"""The accounting: pure functions on frozen rows. No store, no clock, no randomness, no float."""

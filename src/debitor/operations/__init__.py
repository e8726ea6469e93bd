"""The business acts: load -> decide -> write. The only rooms that hold a store session and the ledger at once."""

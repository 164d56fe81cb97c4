"""Makes the pairs of keys that media sessions are signed with."""

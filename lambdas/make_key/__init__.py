"""Makes the pairs of keys that media sessions are signed with, and the words of the API's door."""

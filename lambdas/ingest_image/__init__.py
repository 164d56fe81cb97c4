"""Makes the normal image of an upload, or says why it cannot."""

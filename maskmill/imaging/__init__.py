"""Pictures as arrays: decoding, masks, edits, cut-outs and encoding; it knows no storage, no queue and no cloud."""

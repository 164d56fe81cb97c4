"""The engines behind the segmenter port, one module each; they know no HTTP and no storage."""

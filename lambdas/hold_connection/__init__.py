"""Opens and closes sockets, and answers what is sent on them."""

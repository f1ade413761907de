"""What the executor and the media function both do with films, in a child process of theirs; knows neither of them."""

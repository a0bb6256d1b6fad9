"""The run folder: where its files lie, how they are written, and who may read them."""

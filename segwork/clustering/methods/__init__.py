"""How segments are drawn: the classical methods and the autoencoder's, a few settings each."""

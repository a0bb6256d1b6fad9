"""The evidence: worlds, plants, peers, studies and the training of what ships trained."""

"""How labellings are judged: traits, the referee, the clusterless null, stability, scores."""

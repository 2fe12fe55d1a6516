"""The HPA paper's ablations (tables 4, 5 and 6) on rendered plates, at a scale that two processor cores can do."""

"""The HPA paper's experiments on real plates: recipes, runs, and the paper's figures beside ours."""

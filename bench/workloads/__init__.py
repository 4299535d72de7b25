"""What is trained: its model, the built-in ones, your own from TOML, data sets and data files."""

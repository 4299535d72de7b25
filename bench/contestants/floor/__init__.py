"""The contestant `floor`: the matrix products of a step and nothing else. It shares no code with any network."""

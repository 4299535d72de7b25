"""A contestant whose library isn't what it should be."""

raise ImportError("libnothing.so: cannot open shared object file")

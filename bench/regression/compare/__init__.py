"""Is a package slower at one revision than at another?"""

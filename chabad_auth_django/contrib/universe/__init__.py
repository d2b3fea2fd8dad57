"""The calls of ChabadUniverse's own front ends, over the services of the core."""

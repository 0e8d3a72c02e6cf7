"""The passes from `logical` to `optimized` and on to `tiled`; one file a pass, by its name."""

"""What keeps a store small, sound and safe."""

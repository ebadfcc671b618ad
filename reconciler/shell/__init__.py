"""The thin imperative layer: observe, plan, dispatch. It talks to the world through ports only, and names no adapter."""

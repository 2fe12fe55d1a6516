"""Rendering of synthetic plates: glyphs, layouts, texts, and what a camera does to them."""

"""Figures that can be repeated: named scenarios, every sample kept, and what disturbed them said."""

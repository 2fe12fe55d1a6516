"""The CUDA driver behind one small interface, and whether there is one."""

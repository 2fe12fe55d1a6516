"""PyTorch: the reference, in fp32 on the CPU; and fp16 in CUDA graphs on a GPU. Imported only when it is asked for."""

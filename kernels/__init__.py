"""Native kernels: C++17 headers behind thin Cython doors."""

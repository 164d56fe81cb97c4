"""Removes datasets and images with everything that was made of them."""

"""Rewrites of TensorFlow graphs before they are converted."""

"""The stages of a release, one file each."""

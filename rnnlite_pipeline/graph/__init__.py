"""The TFLite graph as plain objects: read, write, edit, build."""

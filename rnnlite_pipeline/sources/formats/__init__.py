"""How each format of a source is opened, one file each."""

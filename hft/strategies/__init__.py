"""The strategies of the house, one file each; they are discovered, never registered."""

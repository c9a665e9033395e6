"""What the scripts of this folder know of the table."""

NUMBERS = ["distance", "hour"]
TARGET = "delay"

"""What the model sees of a flight, shared by training and serving."""

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = ["distance", "month", "dep_minute", "temp", "wind_speed", "pressure"]
FEATURES = CATEGORIES + NUMBERS
TARGET = "air_time"

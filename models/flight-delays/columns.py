"""What the model sees of a flight, shared by training and serving."""

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = [
    "distance",
    "weekday",
    "dep_minute",
    "arr_minute",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
]
FEATURES = CATEGORIES + NUMBERS
TARGET = "late"

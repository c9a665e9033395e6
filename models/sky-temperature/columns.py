"""What the model sees of an hour's weather, shared by training and serving."""

FEATURES = ["hour", "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
TARGET = "temp_later"

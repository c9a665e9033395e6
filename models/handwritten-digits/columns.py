"""What the model sees of an image, shared by training and serving."""

FEATURES = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
TARGET = "digit"

"""What the model sees of a payment, shared by training and serving."""

FEATURES = ["amount", *(f"signal_{number}" for number in range(1, 9))]
TARGET = "fraud"

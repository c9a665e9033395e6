"""The services that moto answers."""

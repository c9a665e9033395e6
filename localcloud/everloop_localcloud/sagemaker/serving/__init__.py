"""The model server that stands in for a framework image's serving container."""

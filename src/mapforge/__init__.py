"""MapForge: drive logs in, georeferenced and validated HD-map tiles out."""

__version__ = "0.2.0"

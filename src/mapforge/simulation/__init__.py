"""Worlds, cars and sensors: drive logs with their truth."""

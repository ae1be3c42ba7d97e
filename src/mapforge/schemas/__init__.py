"""What crosses a stage border: Arrow schemas and frozen dataclasses. Nothing here opens a file."""

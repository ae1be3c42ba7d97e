"""An object store in memory."""

from __future__ import annotations

from mapforge.errors import MissingInputError
from mapforge.io.object_store import ObjectStore, StoredObject


class Memory(ObjectStore):
    """Objects in memory; a time of writing that counts."""

    def __init__(self):
        super().__init__("s3://bucket/maps")
        self.objects = {}
        self.clock = 0
        self.reads = 0

    def listing(self, folder):
        inside = {n: o for n, o in self.objects.items() if not folder or n.startswith(f"{folder}/")}
        self._sizes.update({name: len(content) for name, (content, _) in inside.items()})
        return {name: StoredObject(len(content), time) for name, (content, time) in inside.items()}

    def look(self, names):
        return {name: item for name, item in self.listing("").items() if name in names}

    def put_bytes(self, name, content):
        self.clock += 10**9
        self.objects[name] = (content, self.clock)

    def delete(self, name):
        self.objects.pop(name, None)

    def _pieces(self, name):
        self.reads += 1
        if name not in self.objects:
            raise MissingInputError(name)
        yield self.objects[name][0]

    def has_size(self, name, size_bytes):
        return name in self.objects and len(self.objects[name][0]) == size_bytes

    def read(self, name):
        return b"".join(self._pieces(name))

"""Ways to spoil a file: blindly, and with some knowledge of what is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Content = tuple[str, bytes]
Variants = Callable[[bytes, int], Iterator[Content]]

STRANGE: tuple[Any, ...] = (
    None, True, -1, 2**40, 2**70, -1e308, float("nan"), float("inf"), "", "../../../outside", "/etc/passwd", "a\x00b",
    "\ud800", "<script>alert(1)</script>", "x" * 100_000, [], {}, [[]], [None], {"x": None}, [1, "two", None],
    [1e300] * 3,
)  # fmt: skip

STRANGE_FOOTERS = (b"", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 100_000, b'{"epsg": 1e99}', b"../../x", b"7")


def blind(content: bytes, count: int, seed: int = 1) -> Iterator[Content]:
    """Bit flips (more of them near the end, where footers are), truncation, holes, doubling, noise, nothing."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        data = np.frombuffer(content, dtype=np.uint8).copy()
        if len(data):
            tail = k % 2 == 1
            low = max(0, len(data) - 2000) if tail else 0
            places = rng.integers(low, len(data), int(rng.choice([1, 3, 20])))
            data[places] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
        yield f"flips-{k}", data.tobytes()
    for k, share in enumerate(rng.random(max(2, count // 3))):
        yield f"cut-{k}", content[: int(share * len(content))]
    middle = len(content) // 2
    yield "hole", content[: middle // 2] + b"\0" * (middle - middle // 2) + content[middle:]
    yield "missing-middle", content[: middle // 2] + content[middle:]
    yield "doubled", content + content
    yield "empty", b""
    yield "noise", rng.integers(0, 256, 500, dtype=np.uint8).tobytes()
    yield "nul", b"\0" * 1000


def json_variants(content: bytes, count: int) -> Iterator[Content]:
    """Blind ones, then: every kind of strange value at many places, keys gone, nesting, endless numbers."""
    yield from blind(content, count)
    rng = np.random.default_rng(2)
    places = list(_places(json.loads(content)))
    for k, value in enumerate(STRANGE):
        for j in range(max(1, count // 8)):
            document = json.loads(content)
            place = places[int(rng.integers(len(places)))]
            yield f"strange-{k}-{j}", _dump(_with(document, place, value))
    for k in range(count):
        document = json.loads(content)
        yield f"without-{k}", _dump(_without(document, places[int(rng.integers(len(places)))]))
    for value in STRANGE:
        yield f"only-{str(value)[:8]!r}", _dump(value)
    yield "deep-list", b"[" * 200_000 + b"]" * 200_000
    yield "deep-object", b'{"a":' * 200_000 + b"1" + b"}" * 200_000
    yield "long-number", b'{"schema_version": ' + b"9" * 100_000 + b"}"
    yield "other-encoding", content.decode("utf-8").encode("utf-16")


def xml_variants(content: bytes, count: int) -> Iterator[Content]:
    """Blind ones, then: strange values in many attributes, elements gone, nesting, entities, other encodings."""
    yield from blind(content, count)
    rng = np.random.default_rng(2)
    values = list(re.finditer(rb'="([^"]*)"', content))
    strange = (b"", b"nan", b"inf", b"-1e308", b"1" + b"0" * 5000, b"../x", b"-1", "\u00e4".encode(), b"&#0;", b"&x;")
    for k, value in enumerate(strange):
        for j in range(max(2, count // 8)):
            spot = values[int(rng.integers(len(values)))]
            yield f"strange-{k}-{j}", content[: spot.start(1)] + value + content[spot.end(1) :]
        for name in (b"lat", b"lon", b"ref", b"id", b"k", b"v"):
            spoilt = (name + b'="' + value + b'"').replace(b"\\", b"\\\\")
            yield f"all-{name.decode()}-{k}", re.sub(name + rb'="[^"]*"', spoilt, content)
    elements = list(re.finditer(rb"<(?:tag|nd|member)[^>]*/>", content))
    for k in range(count):
        spot = elements[int(rng.integers(len(elements)))]
        yield f"without-{k}", content[: spot.start()] + content[spot.end() :]
    levels = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
    laughs = f'<!DOCTYPE osm [<!ENTITY l0 "ha">{levels}]><osm><node id="&l9;"/></osm>'
    yield "billion-laughs", laughs.encode()
    yield "billion-laughs-utf16", laughs.encode("utf-16")
    yield "outside-entity", b'<!DOCTYPE osm [<!ENTITY a SYSTEM "file:///etc/passwd">]><osm><way id="1">&a;</way></osm>'
    yield "deep", b"<osm>" + b"<way>" * 200_000
    yield "wide", b"<osm><node " + b" ".join(b'a%d="1"' % k for k in range(100_000)) + b"/></osm>"
    yield "long-value", b'<osm><node id="1" lat="' + b"9" * 5_000_000 + b'" lon="1"/></osm>'
    yield "other-encoding", content.decode("utf-8").encode("utf-16")
    yield "unknown-encoding", b'<?xml version="1.0" encoding="x-none"?>' + content


def parquet_variants(content: bytes, count: int) -> Iterator[Content]:
    """Blind ones, then: columns gone, retyped, null, strange; footers strange."""
    yield from blind(content, count)
    source = pq.ParquetFile(pa.BufferReader(content))
    table = source.read()
    for name in table.column_names:
        yield f"without-{name}", _parquet(table.drop_columns([name]))
        yield f"null-{name}", _parquet(_replaced(table, name, pa.nulls(table.num_rows, table.schema.field(name).type)))
        yield f"retyped-{name}", _parquet(_replaced(table, name, pa.array(["../../x"] * table.num_rows)))
        for k, strange in enumerate(_strange_columns(table, name)):
            yield f"strange-{name}-{k}", _parquet(_replaced(table, name, strange))
    for key in table.schema.metadata or {}:
        for k, value in enumerate(
            (b"", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 100_000, b'{"epsg": 1e99}', b"../../x", b"7")
        ):
            metadata = {**table.schema.metadata, key: value}
            yield f"footer-{key.decode()}-{k}", _parquet(table.replace_schema_metadata(metadata))
    yield "no-footer", _parquet(table.replace_schema_metadata(None))
    yield "no-rows", _parquet(table.slice(0, 0))


def parquet_bomb(like: bytes, path: Path, unpacked_bytes: int = 3 * 2**30) -> None:
    """A small file with the columns of `like` that unpacks to gigabytes."""
    one = pq.ParquetFile(pa.BufferReader(like)).read().slice(0, 1)
    rows = 2**25 // max(1, one.nbytes)
    many = one.take(pa.array(np.zeros(rows, dtype=np.int64)))
    with pq.ParquetWriter(path, one.schema, compression="zstd") as writer:
        for _ in range(unpacked_bytes // many.nbytes + 1):
            writer.write_table(many, row_group_size=rows)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def _replaced(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.column_names.index(name)
    return table.set_column(at, pa.field(name, column.type), column)


def _strange_columns(table: pa.Table, name: str) -> Iterator[pa.Array]:
    kind, rows = table.schema.field(name).type, table.num_rows
    if pa.types.is_floating(kind):
        for value in (np.nan, np.inf, 1e300 if kind == pa.float64() else 1e38):
            yield pa.array(np.full(rows, value), type=kind)
    elif pa.types.is_integer(kind):
        limits = np.iinfo(kind.to_pandas_dtype())
        for value in (limits.min, limits.max):
            yield pa.array(np.full(rows, value, dtype=kind.to_pandas_dtype()))
    elif pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        for value in ("", "../../../outside", "<script>", "x" * 70_000):
            yield pa.array([value.encode() if not pa.types.is_string(kind) else value] * rows, type=kind)


def _places(document: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield (*here, key)
        yield from _places(value, (*here, key))


def _with(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return document


def _without(document: Any, place: tuple[Any, ...]) -> Any:
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    del holder[place[-1]]
    return document


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the events of a TensorBoard file as JSON, one per line: {wall_time, step, version, values}.

Written from the formats' descriptions alone, apart from the writer: it checks both checksums of every record and knows the
fields of Event, Summary, HistogramProto, TensorProto and the hyperparameters' messages."""
import json
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283, "the check value of CRC-32C"


def records(stream):
    while header := stream.read(12):
        (length, check) = struct.unpack("<QI", header)
        assert check == masked(header[:8]), "checksum of a length"
        data = stream.read(length)
        assert len(data) == length, "a record is cut off"
        assert struct.unpack("<I", stream.read(4))[0] == masked(data), "checksum of a record"
        yield data


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Field number to the list of its raw values."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at : at + size], at + size
        else:
            assert kind == 2, f"wire type {kind}"
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size, "a field is cut off"
        found.setdefault(key >> 3, []).append(value)
    return found


def real(data):
    return struct.unpack("<d", data)[0]


def reals(data):
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def setting(data):
    (number, values), = fields(data).items()
    return {2: real, 3: bytes.decode, 4: bool}[number](values[0])


def hyperparameters(data):
    whole = fields(data)
    if 3 in whole:
        session = fields(whole[3][0])
        entries = [fields(entry) for entry in session.get(1, [])]
        return {"settings": {e[1][0].decode(): setting(e[2][0]) for e in entries}, "start": real(session[5][0])}
    session = fields(whole[4][0])
    return {"status": session[1][0], "end": real(session[2][0])}


def value(data):
    found = fields(data)
    result = {"tag": found[1][0].decode()}
    if 2 in found:
        number = struct.unpack("<f", found[2][0])[0]
        result["scalar"] = number if abs(number) < float("inf") else str(number)
    if 5 in found:
        histogram = fields(found[5][0])
        result["histogram"] = {name: real(histogram[i][0]) for i, name in ((1, "min"), (2, "max"), (3, "num"))}
        result["histogram"].update(limits=reals(histogram[6][0]), counts=reals(histogram[7][0]))
    if 9 in found:
        metadata = fields(found[9][0])
        plugin = fields(metadata[1][0])
        result["plugin"] = plugin[1][0].decode()
        result["data_class"] = metadata.get(4, [0])[0]
        if result["plugin"] == "hparams":
            result["hparams"] = hyperparameters(plugin[2][0])
    if 8 in found:
        tensor = fields(found[8][0])
        assert tensor[1] == [7], "a tensor that holds no text"
        result["text"] = tensor[8][0].decode()
    return result


with open(sys.argv[1], "rb") as stream:
    for data in records(stream):
        event = fields(data)
        summary = fields(event[5][0]) if 5 in event else {}
        print(json.dumps({"wall_time": real(event[1][0]), "step": event.get(2, [0])[0],
                          "version": event[3][0].decode() if 3 in event else "",
                          "values": [value(v) for v in summary.get(1, [])]}))

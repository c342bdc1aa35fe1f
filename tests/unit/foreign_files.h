// SPDX-License-Identifier: MIT
// Small files of the formats that data sets come in, byte by byte.
#pragma once

#include "unit/temporary_folder.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace backobs::testing {

inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }
inline void append(Bytes& to, const std::string& text) { to.insert(to.end(), text.begin(), text.end()); }
inline void append_little_endian(Bytes& to, uint64_t value, int count) {
  for (int i = 0; i < count; ++i) to.push_back(static_cast<uint8_t>(value >> (8 * i)));
}
inline void append_big_endian(Bytes& to, uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) to.push_back(static_cast<uint8_t>(value >> shift));
}
inline Bytes counting(std::size_t count, unsigned step = 7) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i * step + i / 256);
  return bytes;
}

inline Bytes zlib_stream(const Bytes& bytes) {
  uLongf size = compressBound(bytes.size());
  Bytes packed(size);
  if (compress(packed.data(), &size, bytes.data(), bytes.size()) != Z_OK) throw std::runtime_error("zlib");
  packed.resize(size);
  return packed;
}

/// One member of a tar archive in the "ustar" form. Type '0' is a file, '2' a symbolic link to `target`.
inline Bytes tar_member(const std::string& name, const Bytes& content, char type = '0', const std::string& target = "") {
  Bytes block(512);
  const auto put = [&](std::size_t at, const std::string& text) { std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at)); };
  const auto octal = [](std::size_t value, int digits) {
    std::string text;
    for (int i = digits - 1; i >= 0; --i) text += static_cast<char>('0' + ((value >> (3 * i)) & 7));
    return text;
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, octal(content.size(), 11));
  put(136, "00000000000");
  put(148, "        ");
  block[156] = static_cast<uint8_t>(type);
  put(157, target);
  put(257, std::string("ustar\0" "00", 8));
  unsigned sum = 0;
  for (const uint8_t byte : block) sum += byte;
  put(148, octal(sum, 6) + std::string(1, '\0') + " ");
  append(block, content);
  block.resize((block.size() + 511) / 512 * 512);
  return block;
}
inline Bytes tar(const std::vector<Bytes>& members) {
  Bytes archive;
  for (const auto& member : members) append(archive, member);
  archive.resize(archive.size() + 1024);
  return archive;
}

/// An 8-bit image without filters; colour type 2 is RGB, 0 grey.
inline Bytes png(uint32_t width, uint32_t height, const Bytes& pixels, uint8_t colour_type = 2, uint8_t interlace = 0) {
  Bytes file = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  const auto chunk = [&](const std::string& name, const Bytes& content) {
    append_big_endian(file, static_cast<uint32_t>(content.size()));
    Bytes summed(name.begin(), name.end());
    append(summed, content);
    append(file, summed);
    append_big_endian(file, static_cast<uint32_t>(crc32(0, summed.data(), static_cast<uInt>(summed.size()))));
  };
  Bytes header;
  append_big_endian(header, width);
  append_big_endian(header, height);
  append(header, Bytes{8, colour_type, 0, 0, interlace});
  chunk("IHDR", header);
  Bytes rows;
  const std::size_t row = pixels.size() / std::max(height, 1u);
  for (uint32_t y = 0; y < height; ++y) {
    rows.push_back(0);
    rows.insert(rows.end(), pixels.begin() + static_cast<std::ptrdiff_t>(y * row), pixels.begin() + static_cast<std::ptrdiff_t>((y + 1) * row));
  }
  chunk("IDAT", zlib_stream(rows));
  chunk("IEND", {});
  return file;
}

/// A batch as Python 2 pickled it: labels under `key`, and an array of bytes [rows, 3072].
inline Bytes cifar_pickle(const Bytes& labels, const Bytes& pixels, const std::string& key = "labels") {
  Bytes file = {0x80, 2, '}', 'q', 1, '('};
  const auto text = [&](const std::string& value) {
    append(file, Bytes{'U', static_cast<uint8_t>(value.size())});
    append(file, value);
  };
  text("batch_label");
  append(file, Bytes{'q', 2});
  text("testing batch 1 of 1");
  append(file, Bytes{'q', 3});
  text(key);
  append(file, Bytes{'q', 4, ']', 'q', 5, '('});
  for (const uint8_t label : labels) append(file, Bytes{'K', label});
  append(file, Bytes{'e'});
  text("data");
  append(file, std::string("q\6cnumpy.core.multiarray\n_reconstruct\nq\7cnumpy\nndarray\nq\x8K"));
  append(file, Bytes{0, 0x85});
  text("b");
  append(file, Bytes{0x87, 'R', 'q', 9, '(', 'K', 1, 'M'});
  append_little_endian(file, pixels.size() / 3072, 2);
  append(file, Bytes{'M', 0, 12, 0x86});
  append(file, std::string("cnumpy\ndtype\nq\n"));
  text("u1");
  append(file, Bytes{'K', 0, 'K', 1, 0x87, 'R', 'q', 11, '(', 'K', 3});
  text("|");
  append(file, Bytes{'N', 'N', 'N', 'J', 255, 255, 255, 255, 'J', 255, 255, 255, 255, 'K', 0, 't', 'b', 0x89, 'T'});
  append_little_endian(file, pixels.size(), 4);
  append(file, pixels);
  append(file, std::string("tbu."));
  return file;
}

/// A variable of a MAT-file: class and stored type as numbers of the format, e.g. 9 and 2 for bytes.
struct MatArray {
  std::string name;
  uint8_t array_class;
  std::vector<uint32_t> shape;
  uint32_t stored;
  Bytes data;
};

inline Bytes mat_element(uint32_t type, const Bytes& content) {
  Bytes element;
  if (!content.empty() && content.size() <= 4) {
    append_little_endian(element, content.size() << 16 | type, 4);
  } else {
    append_little_endian(element, type, 4);
    append_little_endian(element, content.size(), 4);
  }
  append(element, content);
  element.resize((element.size() + 7) / 8 * 8);
  return element;
}

inline Bytes mat_variable(const MatArray& array) {
  Bytes content = mat_element(6, {array.array_class, 0, 0, 0, 0, 0, 0, 0}), lengths;
  for (const uint32_t length : array.shape) append_little_endian(lengths, length, 4);
  append(content, mat_element(5, lengths));
  append(content, mat_element(1, Bytes(array.name.begin(), array.name.end())));
  append(content, mat_element(array.stored, array.data));
  return mat_element(14, content);
}

/// A MAT-file of version 5, little-endian.
inline Bytes mat_file(const std::vector<MatArray>& variables, bool compressed) {
  const std::string title = "MATLAB 5.0 MAT-file, made by a test";
  Bytes file(title.begin(), title.end());
  file.resize(124, ' ');
  append(file, Bytes{0, 1, 'I', 'M'});
  for (const auto& variable : variables) {
    const Bytes plain = mat_variable(variable);
    if (!compressed) {
      append(file, plain);
      continue;
    }
    const Bytes packed = zlib_stream(plain);  // not padded, as MATLAB leaves it
    append_little_endian(file, 15, 4);
    append_little_endian(file, packed.size(), 4);
    append(file, packed);
  }
  return file;
}

}  // namespace backobs::testing

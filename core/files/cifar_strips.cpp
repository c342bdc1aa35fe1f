// SPDX-License-Identifier: MIT
#include "files/cifar_strips.h"

#include <backobs/error.h>

#include "files/labelled_images.h"

#include <nlohmann/json.hpp>
#include <png.h>

#include <csetjmp>
#include <cstring>

namespace backobs {

namespace {

constexpr uint32_t kPlane = 32 * 32, kChannels = 3;

/// libpng reports errors by a jump over C frames; everything with a destructor therefore lives here, outside of them.
struct Decoder {
  const std::vector<uint8_t>& bytes;
  uint64_t rows;
  std::vector<uint8_t> pixels = {}, row = std::vector<uint8_t>(kPlane * kChannels);
  std::size_t at = 0;
  std::string problem = {};
  png_structp png = nullptr;
  png_infop info = nullptr;

  Decoder(const std::vector<uint8_t>& content, uint64_t count) : bytes(content), rows(count) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

void fail(png_structp png, const char* text) {
  static_cast<Decoder*>(png_get_error_ptr(png))->problem = text;
  png_longjmp(png, 1);
}

void be_silent(png_structp, const char*) {}

void read_bytes_of(png_structp png, png_bytep out, std::size_t count) {
  auto& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (count > decoder.bytes.size() - decoder.at) png_error(png, "a truncated PNG");
  std::memcpy(out, decoder.bytes.data() + decoder.at, count);
  decoder.at += count;
}

/// One row of the strip is one image, its channels side by side.
void separate(const uint8_t* row, uint8_t* image) {
  for (uint32_t i = 0; i < kPlane; ++i)
    for (uint32_t c = 0; c < kChannels; ++c) image[c * kPlane + i] = row[kChannels * i + c];
}

bool is_wanted(const Decoder& d) {
  return png_get_image_width(d.png, d.info) == kPlane && png_get_image_height(d.png, d.info) == d.rows &&
         png_get_bit_depth(d.png, d.info) == 8 && png_get_color_type(d.png, d.info) == PNG_COLOR_TYPE_RGB &&
         png_get_interlace_type(d.png, d.info) == PNG_INTERLACE_NONE;
}

/// False with a problem if libpng jumped. No object is made between the jump's two ends.
bool decode(Decoder& d) {
  if (setjmp(png_jmpbuf(d.png)) != 0) return false;
  png_set_read_fn(d.png, &d, &read_bytes_of);
  png_read_info(d.png, d.info);
  if (!is_wanted(d)) png_error(d.png, "another size or colour type");
  d.pixels.resize(d.rows * kColourPixels);
  for (uint64_t n = 0; n < d.rows; ++n) {
    png_read_row(d.png, d.row.data(), nullptr);
    separate(d.row.data(), d.pixels.data() + n * kColourPixels);
  }
  png_read_end(d.png, nullptr);
  return true;
}

}  // namespace

std::vector<uint8_t> read_cifar_strip(const std::string& where, const std::vector<uint8_t>& png, uint64_t rows) {
  const std::string wanted = "an 8-bit RGB image, 1024 x " + std::to_string(rows) + ", not interlaced";
  if (png.size() < 8 || png_sig_cmp(png.data(), 0, 8) != 0) throw DataError(where, "no PNG", wanted);
  Decoder decoder(png, rows);
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, &fail, &be_silent);
  if (decoder.png != nullptr) decoder.info = png_create_info_struct(decoder.png);
  if (decoder.info == nullptr) throw DataError(where, "no memory to read a PNG", "memory");
  if (!decode(decoder)) throw DataError(where, decoder.problem, wanted);
  return std::move(decoder.pixels);
}

std::vector<uint8_t> read_label_list(const std::string& where, const std::vector<uint8_t>& json, uint64_t rows, int classes) {
  const std::string wanted = "a JSON array of " + std::to_string(rows) + " integers 0 to " + std::to_string(classes - 1);
  // An array of integers below 256 has no bracket but two; so a deep nesting is not even begun.
  const auto inside = json.empty() ? json.end() : json.begin() + 1;
  if (json.empty() || json.front() != '[' || std::find(inside, json.end(), '[') != json.end())
    throw DataError(where, "no plain list", wanted);
  const auto list = nlohmann::json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (!list.is_array() || list.size() != rows)
    throw DataError(where, list.is_array() ? std::to_string(list.size()) + " labels" : "no JSON array", wanted);
  std::vector<uint8_t> labels;
  for (const auto& label : list) {
    if (!label.is_number_integer() || label < 0 || label >= classes)
      throw DataError(where, "label " + label.dump().substr(0, 40) + " of image " + std::to_string(labels.size()), wanted);
    labels.push_back(label.get<uint8_t>());
  }
  return labels;
}

}  // namespace backobs

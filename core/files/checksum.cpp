// SPDX-License-Identifier: MIT
#include "files/checksum.h"

#include <backobs/error.h>

#include "files/byte_source.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <vector>

namespace backobs {

namespace {

const char* name_of(Digest digest) { return digest == Digest::md5 ? "MD5" : "SHA256"; }

void require(bool done, Digest digest) {
  if (!done) throw DataError("checksum", std::string("an OpenSSL without ") + name_of(digest), "one that has it");
}

}  // namespace

struct Checksum::Impl {
  explicit Impl(Digest kind) : digest(kind), context(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    require(context && EVP_DigestInit_ex(context.get(), kind == Digest::md5 ? EVP_md5() : EVP_sha256(), nullptr) == 1,
            kind);
  }
  Digest digest;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context;
};

Checksum::Checksum(Digest digest) : impl_(std::make_unique<Impl>(digest)) {}
Checksum::~Checksum() = default;

void Checksum::add(const void* bytes, std::size_t count) {
  require(EVP_DigestUpdate(impl_->context.get(), bytes, count) == 1, impl_->digest);
}

std::string Checksum::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum;
  unsigned int length = 0;
  require(EVP_DigestFinal_ex(impl_->context.get(), sum.data(), &length) == 1, impl_->digest);
  std::string text;
  for (unsigned int i = 0; i < length; ++i)
    for (const int digit : {sum[i] >> 4, sum[i] & 15}) text += "0123456789abcdef"[digit];
  return text;
}

std::string checksum(Digest digest, const void* bytes, std::size_t count) {
  Checksum sum(digest);
  sum.add(bytes, count);
  return sum.finish();
}

std::string content_checksum(const std::filesystem::path& file, Digest digest, uint64_t most) {
  ByteSource source(file);
  Checksum sum(digest);
  std::vector<uint8_t> buffer(1 << 20);
  uint64_t total = 0;
  for (std::size_t got; (got = source.read(buffer.data(), buffer.size())) > 0; sum.add(buffer.data(), got)) {
    total += got;
    if (total > most)
      throw DataError(file.string(), "more than " + std::to_string(most) + " bytes of content",
                      "at most " + std::to_string(most));
  }
  return sum.finish();
}

}  // namespace backobs

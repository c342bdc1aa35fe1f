// SPDX-License-Identifier: MIT
#include "files/checksum.h"

#include <backobs/error.h>

#include "files/byte_source.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <vector>

namespace backobs {

namespace {

void require(bool done, Digest digest) {
  if (!done) throw DataError("checksum", std::string("an OpenSSL without ") + to_string(digest), "one that has it");
}

const EVP_MD* algorithm(Digest digest) {
  return digest == Digest::md5 ? EVP_md5() : digest == Digest::sha1 ? EVP_sha1() : EVP_sha256();
}

}  // namespace

Digest digest_of(const std::string& checksum) {
  for (const auto digest : {Digest::md5, Digest::sha1, Digest::sha256})
    if (checksum.size() == 2 * static_cast<std::size_t>(EVP_MD_size(algorithm(digest)))) return digest;
  throw DataError("checksum", "`" + checksum + "`", "32 (MD5), 40 (SHA-1) or 64 (SHA-256) hexadecimal digits");
}

const char* to_string(Digest digest) {
  return digest == Digest::md5 ? "MD5" : digest == Digest::sha1 ? "SHA-1" : "SHA-256";
}

struct Checksum::Impl {
  explicit Impl(Digest kind) : digest(kind), context(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    require(context && EVP_DigestInit_ex(context.get(), algorithm(kind), nullptr) == 1, kind);
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

std::string stored_checksum(const std::filesystem::path& file, Digest digest) {
  std::ifstream stream(file, std::ios::binary);
  Checksum sum(digest);
  std::vector<char> buffer(1 << 20);
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || stream.gcount() > 0)
    sum.add(buffer.data(), static_cast<std::size_t>(stream.gcount()));
  if (!stream.eof()) throw DataError(file.string(), "a file that cannot be read", "a readable file");
  return sum.finish();
}

}  // namespace backobs

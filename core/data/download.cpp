// SPDX-License-Identifier: MIT
#include "data/download.h"

#include <backobs/error.h>

#include <curl/curl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace backobs {

namespace {

constexpr long kConnectSeconds = 20, kStallSeconds = 60, kStallBytesPerSecond = 100, kRedirections = 5;
constexpr int kBarWidth = 30;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// One attempt: where bytes go, and how far they may.
struct Transfer {
  std::string address;
  std::unique_ptr<std::FILE, Close> file;
  uint64_t begin = 0, written = 0, most = 0;
  bool too_large = false, drawn = false;
};

std::size_t write_piece(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.written += count;
  transfer.too_large = transfer.begin + transfer.written > transfer.most;
  return transfer.too_large ? 0 : std::fwrite(bytes, 1, count, transfer.file.get());
}

int draw_bar(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (total <= 0 || isatty(STDERR_FILENO) == 0) return 0;
  transfer.drawn = true;
  const double megabytes = 1e-6 * static_cast<double>(transfer.begin + static_cast<uint64_t>(now));
  const double share = static_cast<double>(now) / static_cast<double>(total);
  const std::string bar(static_cast<std::size_t>(share * kBarWidth), '#');
  std::fprintf(stderr, "\r  [%-*s] %3.0f %%  %.1f MB", kBarWidth, bar.c_str(), 100 * share, megabytes);
  return 0;
}

void set_limits(CURL* curl) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_FILE);
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kRedirections);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
}

CURLcode attempt(Transfer& transfer, std::string& reason) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
  if (!curl) return CURLE_FAILED_INIT;
  char text[CURL_ERROR_SIZE] = {};
  set_limits(curl.get());
  curl_easy_setopt(curl.get(), CURLOPT_URL, transfer.address.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "backobs");
  curl_easy_setopt(curl.get(), CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.begin));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &write_piece);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &draw_bar);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, text);
  const CURLcode result = curl_easy_perform(curl.get());
  reason = transfer.too_large ? "more than " + std::to_string(transfer.most) + " bytes"
           : text[0] != '\0' ? text : curl_easy_strerror(result);
  if (transfer.drawn) std::fputc('\n', stderr);
  return result;
}

Transfer open(const std::string& address, const std::filesystem::path& part, uint64_t most) {
  Transfer transfer;
  transfer.address = address;
  transfer.most = most;
  transfer.file.reset(std::fopen(part.c_str(), "ab"));
  if (!transfer.file) throw DataError(part.string(), std::generic_category().message(errno), "a file that can be written");
  transfer.begin = std::filesystem::file_size(part);
  return transfer;
}

}  // namespace

void download(const std::string& address, const std::filesystem::path& part, uint64_t most) {
  std::string reason;
  Transfer transfer = open(address, part, most);
  CURLcode result = attempt(transfer, reason);
  const bool refused_to_resume = transfer.begin > 0 && (result == CURLE_RANGE_ERROR || result == CURLE_HTTP_RETURNED_ERROR ||
                                                        result == CURLE_BAD_DOWNLOAD_RESUME);
  if (refused_to_resume || transfer.too_large) {
    transfer.file.reset();
    std::filesystem::remove(part);
  }
  if (refused_to_resume) {
    transfer = open(address, part, most);
    result = attempt(transfer, reason);
  }
  const bool stored = !transfer.file || std::fflush(transfer.file.get()) == 0;
  std::error_code ignored;
  if (std::filesystem::file_size(part, ignored) == 0) std::filesystem::remove(part, ignored);
  if (result != CURLE_OK) throw DataError(address, reason, "the file");
  if (!stored) throw DataError(part.string(), std::generic_category().message(errno), "room for the file");
}

}  // namespace backobs

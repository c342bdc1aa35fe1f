// SPDX-License-Identifier: MIT
#include "data/accept_file.h"

#include <backobs/error.h>

#include "data/checked_content.h"
#include "files/checksum.h"
#include "files/publish.h"

#include <fstream>
#include <system_error>

namespace backobs {

namespace fs = std::filesystem;

void accept_file(const DataFile& wanted, const fs::path& part, const fs::path& file, const std::string& where) {
  const auto problem = content_problem(wanted, part);
  if (!problem.empty()) {
    fs::remove(part);
    throw DataError(where, problem, to_string(digest_of(wanted.checksum)) + (" " + wanted.checksum));
  }
  publish(part, file);
  std::error_code ignored;
  fs::remove(file.parent_path() / (file.extension() == ".gz" ? wanted.name : wanted.name + ".gz"), ignored);
}

void accept_content(const DataFile& wanted, const std::vector<uint8_t>& content, const fs::path& file,
                    const std::string& where) {
  fs::create_directories(file.parent_path());
  const fs::path part = file.string() + ".new";
  std::ofstream stream(part, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) {
    fs::remove(part);
    throw DataError(part.string(), "a file that cannot be written", "room for the file");
  }
  accept_file(wanted, part, file, where);
}

}  // namespace backobs

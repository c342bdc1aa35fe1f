// SPDX-License-Identifier: MIT
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace backobs::testing {

struct Answer {
  int code = -1;
  std::string out, err;
};

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// Runs the built program in `folder` with these arguments, as a shell takes them.
inline Answer backobs(const std::filesystem::path& folder, const std::string& arguments) {
  const auto out = folder / ".out", err = folder / ".err";
  const std::string command = "cd '" + folder.string() + "' && '" BACKOBS_BUILD_DIR "/bin/backobs' " + arguments +
                              " > '" + out.string() + "' 2> '" + err.string() + "' < /dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_of(out), text_of(err)};
}

}  // namespace backobs::testing

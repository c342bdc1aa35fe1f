// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace backobs::testing {

struct Answer {
  int code = -1;
  std::string out, err;
};

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// Runs the built program in `folder` with these variables ("A=b ") and arguments, as a shell takes them.
inline Answer backobs_with(const std::string& variables, const std::filesystem::path& folder,
                           const std::string& arguments) {
  const auto out = folder / ".out", err = folder / ".err";
  const std::string command = "cd '" + folder.string() + "' && " + variables + "'" BACKOBS_BUILD_DIR "/bin/backobs' " + arguments +
                              " > '" + out.string() + "' 2> '" + err.string() + "' < /dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_of(out), text_of(err)};
}

inline Answer backobs(const std::filesystem::path& folder, const std::string& arguments) {
  return backobs_with("", folder, arguments);
}

/// The built program at work in `folder`, its output in .started-out and .started-err there. Killed in the destructor if
/// it still lasts.
class Started {
 public:
  Started(const std::filesystem::path& folder, const std::vector<std::string>& arguments) : folder_(folder) {
    process_ = ::fork();
    if (process_ == 0) become(arguments);
  }
  ~Started() {
    if (!answer_) kill(SIGKILL), wait();
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  pid_t process() const { return process_; }
  void kill(int signal) const { ::kill(process_, signal); }
  /// The processes it has started and that still last.
  std::vector<pid_t> children() const {
    const std::string id = std::to_string(process_);
    std::ifstream stream("/proc/" + id + "/task/" + id + "/children");
    return {std::istream_iterator<pid_t>(stream), std::istream_iterator<pid_t>()};
  }
  bool has_ended() {
    if (!answer_ && ::waitpid(process_, &status_, WNOHANG) == process_) conclude();
    return answer_.has_value();
  }
  const Answer& wait() {
    if (!answer_) {
      ::waitpid(process_, &status_, 0);
      conclude();
    }
    return *answer_;
  }

 private:
  [[noreturn]] void become(const std::vector<std::string>& arguments) const {
    std::vector<std::string> texts = {"backobs"};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    std::freopen("/dev/null", "r", stdin);
    std::freopen((folder_ / ".started-out").c_str(), "w", stdout);
    std::freopen((folder_ / ".started-err").c_str(), "w", stderr);
    if (::chdir(folder_.c_str()) == 0) ::execv(BACKOBS_BUILD_DIR "/bin/backobs", pointers.data());
    ::_exit(127);
  }
  void conclude() {
    const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
    answer_ = Answer{code, text_of(folder_ / ".started-out"), text_of(folder_ / ".started-err")};
  }

  std::filesystem::path folder_;
  pid_t process_ = -1;
  int status_ = 0;
  std::optional<Answer> answer_;
};

}  // namespace backobs::testing

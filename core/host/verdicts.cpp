// SPDX-License-Identifier: MIT
#include "host/verdicts.h"

#include <backobs/abi.h>

#include "files/checksum.h"
#include "files/user_folders.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

namespace backobs {
namespace {

// One line per verdict, fields between tabs: kind, host, size, inode, modified, changed, path, reason.
constexpr const char* kFirstLine = "backobs verdicts 1";
constexpr uintmax_t kLargestFile = uintmax_t{4} << 20;
constexpr std::array<const char*, 3> kKindNames = {"sound", "refused", "quarantined"};

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  for (std::size_t first = 0; first <= line.size();) {
    const std::size_t tab = std::min(line.find('\t', first), line.size());
    fields.push_back(line.substr(first, tab - first));
    first = tab + 1;
  }
  return fields;
}

std::optional<Verdict::Kind> kind_of(const std::string& name) {
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end()) return std::nullopt;
  return static_cast<Verdict::Kind>(found - kKindNames.begin());
}

/// One line, whatever a plugin put into its message.
std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text.substr(0, 2000);
}

/// Changes with every build of libbackobs: its version and the state of its file.
std::string host_build() {
  Dl_info info{};
  std::string text = BACKOBS_VERSION " " BACKOBS_TORCH_VERSION;
  if (dladdr(reinterpret_cast<const void*>(&host_build), &info) != 0 && info.dli_fname) try {
      text += identity_of(info.dli_fname).text();
    } catch (const std::exception&) {
      // Then versions alone tell builds apart.
    }
  return checksum(Digest::sha256, text.data(), text.size()).substr(0, 16);
}

}  // namespace

Verdicts::Verdicts(std::filesystem::path file, std::string host)
    : file_(std::move(file)), host_(std::move(host)), entries_(read(file_)) {}

Verdicts Verdicts::of_user() {
  const auto folder = user_cache_folder();
  return {folder.empty() ? folder : folder / "plugin-verdicts", host_build()};
}

Verdicts::Entries Verdicts::read(const std::filesystem::path& file) {
  Entries entries;
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  std::string line;
  if (error || size > kLargestFile || !std::getline(stream, line) || line != kFirstLine) return entries;
  while (std::getline(stream, line)) {
    const auto fields = fields_of(line);
    if (fields.size() != 8) continue;
    const auto kind = kind_of(fields[0]);
    const std::string state = fields[1] + "\t" + fields[2] + "\t" + fields[3] + "\t" + fields[4] + "\t" + fields[5];
    if (kind) entries[fields[6]] = {state, {*kind, fields[7]}};
  }
  return entries;
}

std::string Verdicts::state_of(const FileIdentity& plugin) const {
  return host_ + "\t" + std::to_string(plugin.size) + "\t" + std::to_string(plugin.inode) + "\t" +
         std::to_string(plugin.modified) + "\t" + std::to_string(plugin.changed);
}

std::optional<Verdict> Verdicts::find(const FileIdentity& plugin) const {
  const auto found = entries_.find(plugin.path);
  if (found == entries_.end() || found->second.state != state_of(plugin)) return std::nullopt;
  return found->second.verdict;
}

void Verdicts::remember(const FileIdentity& plugin, Verdict verdict) {
  if (one_line(plugin.path) != plugin.path) return;  // a path that a line cannot hold
  verdict.reason = one_line(std::move(verdict.reason));
  const Entry entry{state_of(plugin), std::move(verdict)};
  entries_[plugin.path] = entry;
  changes_[plugin.path] = entry;
}

std::size_t Verdicts::forget(const std::function<bool(const std::filesystem::path&, const Verdict&)>& chosen) {
  std::size_t count = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (!chosen(entry->first, entry->second.verdict)) {
      ++entry;
      continue;
    }
    changes_[entry->first] = std::nullopt;
    entry = entries_.erase(entry);
    ++count;
  }
  return count;
}

bool Verdicts::save() noexcept try {
  if (changes_.empty()) return true;
  if (file_.empty()) return false;
  Entries all = read(file_);
  for (const auto& [path, entry] : changes_) entry ? void(all[path] = *entry) : void(all.erase(path));
  std::string text = std::string(kFirstLine) + "\n";
  std::error_code error;
  for (const auto& [path, entry] : all)
    if (std::filesystem::exists(path, error))
      text += std::string(kKindNames[static_cast<std::size_t>(entry.verdict.kind)]) + "\t" + entry.state + "\t" + path +
              "\t" + entry.verdict.reason + "\n";
  std::filesystem::create_directories(file_.parent_path());
  const auto part = file_.string() + "." + std::to_string(getpid());
  std::ofstream stream(part, std::ios::binary);
  stream << text;
  stream.close();
  if (stream) std::filesystem::rename(part, file_, error);
  if (!stream || error) {
    std::filesystem::remove(part, error);
    return false;
  }
  changes_.clear();
  return true;
} catch (...) {
  return false;
}

}  // namespace backobs

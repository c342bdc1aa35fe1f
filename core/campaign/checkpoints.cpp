// SPDX-License-Identifier: MIT
#include "campaign/checkpoints.h"

#include "campaign/safe_file.h"
#include "campaign/state_file.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include <fstream>
#include <iterator>
#include <utility>

namespace backobs {
namespace {

namespace fs = std::filesystem;
constexpr const char* kGeneration = "checkpoint/generation";

fs::path file_of(const fs::path& folder, int64_t generation) {
  return folder / ("checkpoint-" + std::to_string(generation % 2));
}

std::optional<State> read(const fs::path& file, c10::Device device) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  try {
    State state = decode_state(bytes, device, file.string());
    state.integer(kGeneration);
    return state;
  } catch (const Error& e) {
    log::warn(std::string(e.what()) + "; it is passed over");
    return std::nullopt;
  }
}

}  // namespace

Checkpoints::Checkpoints(fs::path run_folder) : folder_(std::move(run_folder)) {}

std::optional<State> Checkpoints::newest(c10::Device device) {
  std::optional<State> newest;
  for (int64_t slot : {0, 1}) {
    auto state = read(file_of(folder_, slot), device);
    if (!state || (newest && state->integer(kGeneration) < newest->integer(kGeneration))) continue;
    generation_ = state->integer(kGeneration) + 1;
    newest = std::move(state);
  }
  return newest;
}

void Checkpoints::write(const State& state) {
  State numbered = state;
  numbered.put(kGeneration, generation_);
  write_file(file_of(folder_, generation_), encode_state(numbered));
  ++generation_;
}

std::vector<fs::path> Checkpoints::files(const fs::path& run_folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (int64_t slot : {0, 1})
    if (fs::exists(file_of(run_folder, slot), ignored)) found.push_back(file_of(run_folder, slot));
  return found;
}

void Checkpoints::remove(const fs::path& run_folder) {
  std::error_code ignored;
  for (const auto& file : files(run_folder)) {
    fs::remove(file, ignored);
    fs::remove(file.string() + ".part", ignored);
  }
}

}  // namespace backobs

// SPDX-License-Identifier: MIT
#include "cli/common_flags.h"

#include <backobs/error.h>

#include "files/number_format.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <functional>
#include <thread>

namespace backobs {
namespace {

constexpr int64_t kMaximumThreads = 4096;

Source source_from(const std::string& text) {
  if (text == "real") return Source::real;
  if (text == "synthetic") return Source::synthetic;
  throw UsageError("--source", "`" + text + "`", "real or synthetic", nearest_name(text, {"real", "synthetic"}));
}

c10::ScalarType dtype_from(const std::string& text) {
  if (text == "float32") return c10::kFloat;
  if (text == "float64") return c10::kDouble;
  throw UsageError("--dtype", "`" + text + "`", "float32 or float64", nearest_name(text, {"float32", "float64"}));
}

c10::Device device_from(const std::string& text) {
  try {
    return c10::Device(text);
  } catch (const c10::Error&) {
    throw UsageError("--device", "`" + text + "`", "a device of LibTorch, such as cpu or cuda:0");
  }
}

/// CLI11 reads numbers as C does ("010" is 8), so every flag arrives here as text.
using Reader = std::function<void(const std::string&)>;
CLI::Option* add(CLI::App& verb, const std::string& name, const std::string& type, const Reader& read,
                 const std::string& doc) {
  return verb.add_option_function<std::string>(name, read, doc)->type_name(type)->group("Common flags");
}

void attach_paths(CLI::App& verb, CommonFlags& flags) {
  verb.add_option("--plugin-path", flags.plugin_path, "look for plugins in this folder first; may be repeated")
      ->type_name("DIR")
      ->group("Common flags")
      ->allow_extra_args(false);
  add(
      verb, "--data-dir", "DIR", [&](const std::string& text) { flags.data_dir = text; }, "where data files are");
  add(
      verb, "--output", "DIR", [&](const std::string& text) { flags.output = text; }, "where results go");
}

}  // namespace

int64_t integer_flag(const std::string& flag, const std::string& text, int64_t minimum) {
  const auto value = parse_integer(text);
  if (!value || *value < minimum) throw UsageError(flag, "`" + text + "`", "an integer >= " + std::to_string(minimum));
  return *value;
}

double real_flag(const std::string& flag, const std::string& text) {
  const auto value = parse_real(text);
  if (!value) throw UsageError(flag, "`" + text + "`", "a real number");
  return *value;
}

int CommonFlags::thread_count() const {
  if (threads) return static_cast<int>(*threads);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

DataRequest CommonFlags::data_request(Protocol protocol) const {
  DataRequest request;
  request.protocol = protocol;
  request.folder = data_dir;
  request.source = source.value_or(request.source);
  request.seed = seed.value_or(request.seed);
  request.dtype = dtype.value_or(request.dtype);
  request.device = device.value_or(request.device);
  return request;
}

void attach_common_flags(CLI::App& verb, CommonFlags& flags) {
  attach_paths(verb, flags);
  add(
      verb, "--source", "real|synthetic", [&](const std::string& text) { flags.source = source_from(text); },
      "real data files, or seeded noise of the same shapes");
  add(
      verb, "--batch-size", "N",
      [&](const std::string& text) { flags.batch_size = integer_flag("--batch-size", text, 1); },
      "samples in a mini-batch (default: the problem's)");
  add(
      verb, "--seed", "S", [&](const std::string& text) { flags.seed = integer_flag("--seed", text, 0); },
      "decides every draw (default: 42)");
  add(
      verb, "--threads", "T",
      [&](const std::string& text) {
        flags.threads = integer_flag("--threads", text, 1);
        if (*flags.threads > kMaximumThreads)
          throw UsageError("--threads", "`" + text + "`", "at most " + std::to_string(kMaximumThreads));
      },
      "threads to compute with (default: all of the machine)");
  add(
      verb, "--device", "DEVICE", [&](const std::string& text) { flags.device = device_from(text); }, "default: cpu");
  add(
      verb, "--dtype", "float32|float64", [&](const std::string& text) { flags.dtype = dtype_from(text); },
      "type of parameters and data (default: float32)");
}

}  // namespace backobs

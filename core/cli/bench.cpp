// SPDX-License-Identifier: MIT
#include "cli/pass_setup.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "host/page_keeper.h"
#include "measure/machine_rates.h"
#include "measure/work.h"

#include <backobs/log.h>

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

namespace backobs {
namespace {

struct BenchOptions {
  PassWish wish;
  int64_t repeats = 7;
  bool json = false;
};

struct Times {
  double median_ms, minimum_ms, spread_ms;  ///< spread: upper minus lower quartile
};

struct Measured {
  Times pass, gradient;
  double peak_mib, baseline_mib, result_bytes;
};

/// Milliseconds of one pass with all results held until the clock has stopped; they are in `held` afterwards.
double time_pass(PassSetup& setup, const std::vector<ExtensionInstance>& extensions, std::vector<TensorList>& held) {
  held.clear();
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = setup.pass->run(setup.batch, {setup.batch.size, 0, 0, setup.random}, true, extensions,
                                      [&](auto&, auto&, ResultValue value) { held.push_back(std::move(value.tensors)); });
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// Bytes of the storages behind the results, each counted once.
double bytes_of(const std::vector<TensorList>& held) {
  std::map<const void*, std::size_t> sizes;
  for (const auto& list : held)
    for (const auto& tensor : list)
      if (tensor.defined()) sizes[tensor.storage().unsafeGetStorageImpl()] = tensor.storage().nbytes();
  double total = 0;
  for (const auto& [storage, size] : sizes) total += static_cast<double>(size);
  return total;
}

Times summary(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(times.size() - 1);
    const auto low = static_cast<std::size_t>(place);
    const auto high = std::min(low + 1, times.size() - 1);
    return times[low] + (place - static_cast<double>(low)) * (times[high] - times[low]);
  };
  return {at(0.5), times.front(), at(0.75) - at(0.25)};
}

/// One pass of each kind to warm up, from the first of which the peak is taken, then both in turn.
Measured measure(PassSetup& setup, int64_t repeats) {
  std::vector<TensorList> held;
  Measured measured{};
  give_back_pages();  // what loading the data left free is no memory of the pass
  measured.baseline_mib = resident_memory().now_mib;
  if (!forget_peak()) log::warn("the peak of resident memory includes start-up: /proc/self/clear_refs cannot be written");
  time_pass(setup, setup.extensions, held);
  measured.peak_mib = std::max(0.0, resident_memory().peak_mib - measured.baseline_mib);
  measured.result_bytes = bytes_of(held);
  time_pass(setup, {}, held);
  std::vector<double> pass, gradient;
  for (int64_t i = 0; i < repeats; ++i) {
    pass.push_back(time_pass(setup, setup.extensions, held));
    time_pass(setup, {}, held);  // a gradient is timed behind another, with the caches that it finds in training
    gradient.push_back(time_pass(setup, {}, held));
  }
  measured.pass = summary(std::move(pass));
  measured.gradient = summary(std::move(gradient));
  return measured;
}

nlohmann::ordered_json bench_json(const PassSetup& setup, int64_t repeats, const Measured& measured) {
  const auto rates = measure_machine_rates(setup.request.dtype);
  const auto work = count_work(setup.network, setup.pass->parameters(), setup.extensions, setup.batch.size,
                               static_cast<int64_t>(c10::elementSize(setup.request.dtype)));
  const double bytes = work.bytes + measured.result_bytes;
  const double floor_ms = 1e3 * std::max(work.operations / rates.operations_per_second, bytes / rates.bytes_per_second);
  auto extensions = nlohmann::ordered_json::array();
  for (const auto& instance : setup.extensions) extensions.push_back(instance.name);
  return {{"problem", setup.problem},
          {"extensions", extensions},
          {"batch_size", setup.batch.size},
          {"threads", at::get_num_threads()},
          {"repeats", repeats},
          {"median_ms", measured.pass.median_ms},
          {"minimum_ms", measured.pass.minimum_ms},
          {"spread_ms", measured.pass.spread_ms},
          {"gradient_median_ms", measured.gradient.median_ms},
          {"gradient_minimum_ms", measured.gradient.minimum_ms},
          {"gradient_spread_ms", measured.gradient.spread_ms},
          {"ratio", measured.pass.median_ms / measured.gradient.median_ms},
          {"peak_mib", measured.peak_mib},
          {"baseline_mib", measured.baseline_mib},
          {"operations", work.operations},
          {"bytes", bytes},
          {"operations_per_second", rates.operations_per_second},
          {"bytes_per_second", rates.bytes_per_second},
          {"floor_ms", floor_ms},
          {"share_of_floor", floor_ms / measured.pass.median_ms}};
}

std::string three_digits(const nlohmann::ordered_json& number, double unit = 1) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", number.get<double>() / unit);
  return text;
}

void bench_text(const nlohmann::ordered_json& json) {
  const auto get = [&](const char* key, double unit = 1) { return three_digits(json.at(key), unit); };
  print(json.at("problem").get<std::string>() + ", batch " + json.at("batch_size").dump() + ", threads " +
        json.at("threads").dump() + ", " + json.at("repeats").dump() + " repeats\n\n");
  print(table({{"", "median", "minimum", "spread"},
               {"pass", get("median_ms") + " ms", get("minimum_ms"), get("spread_ms")},
               {"gradient alone", get("gradient_median_ms") + " ms", get("gradient_minimum_ms"), get("gradient_spread_ms")},
               {"ratio", get("ratio")}}));
  print("\n" + table({{"peak memory", get("peak_mib") + " MiB above " + get("baseline_mib") + " MiB of start-up and data"},
                      {"operations", get("operations", 1e9) + " GFLOP at " + get("operations_per_second", 1e9) + " GFLOP/s"},
                      {"bytes", get("bytes", 1048576) + " MiB at " + get("bytes_per_second", 1e9) + " GB/s"},
                      {"counted floor", get("floor_ms") + " ms, " + three_digits(json.at("share_of_floor"), 0.01) + " % of the time"}}));
}

ExitCode bench(Context& context, const BenchOptions& options) {
  const auto setup = set_up_pass(context, options.wish);
  const auto json = bench_json(*setup, options.repeats, measure(*setup, options.repeats));
  options.json ? print(json) : bench_text(json);
  return ExitCode::done;
}

}  // namespace

void add_bench(CLI::App& app, Context& context) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App& verb = add_verb(app, context, "bench", "Time, memory and counted floor of a pass beside the plain gradient's",
                            [&context, options] { return bench(context, *options); }, pass_flags());
  add_pass_flags(verb, options->wish);
  verb.add_option_function<std::string>("--repeats",
                                        [options](const std::string& text) { options->repeats = integer_flag("--repeats", text, 1); },
                                        "timed passes of each kind (default: 7)")->type_name("R");
  verb.add_flag("--json", options->json, "print one object");
}

}  // namespace backobs

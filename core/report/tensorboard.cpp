// SPDX-License-Identifier: MIT
#include "report/tensorboard.h"

#include "campaign/run_record.h"
#include "report/protobuf.h"

#include "files/number_format.h"

#include <boost/crc.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <vector>

namespace backobs {
namespace {

using Message = ProtobufMessage;

constexpr int64_t kStatusSuccess = 1, kStatusFailure = 2;  ///< of the hyperparameters' session
constexpr int64_t kTensorClass = 2, kTextType = 7;         ///< DATA_CLASS_TENSOR, DT_STRING

uint32_t masked_checksum(const std::string& text) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> castagnoli;
  castagnoli.process_bytes(text.data(), text.size());
  const uint32_t sum = castagnoli.checksum();
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8;
}

std::string record(const Message& event) {
  const std::string& bytes = event.text();
  const std::string length = little_endian(static_cast<uint64_t>(bytes.size()));
  return length + little_endian(masked_checksum(length)) + bytes + little_endian(masked_checksum(bytes));
}

/// What TensorBoard's part of that name reads from a summary's metadata.
Message metadata_for(const std::string& plugin, const std::string& content) {
  return Message().message(1, Message().bytes(1, plugin).bytes(2, content));
}

/// "-1e-05" as -1e-04, as the decimal number is read.
double next_decade(const std::string& bin) {
  const std::size_t exponent = bin.find('e') + 1;
  return std::strtod((bin.substr(0, exponent) + std::to_string(std::atoi(bin.c_str() + exponent) + 1)).c_str(), nullptr);
}

/// Counts by decade, as buckets between edges.
class Buckets {
 public:
  /// A bin of decade_histogram: "0", "1e-05" for [1e-05, 1e-04), "-1e-05" for its mirror image. They come in rising order.
  void add(const std::string& bin, double count) {
    const double edge = std::strtod(bin.c_str(), nullptr), far = edge == 0 ? 0 : next_decade(bin);
    const double low = std::min(edge, far), high = std::max(edge, far);
    if (limits_.empty())
      lowest_ = low;
    else if (limits_.back() < low && low < high)
      put(low, 0);
    put(high, count);
    total_ += count;
  }
  /// Sums are not known of counts, and are left out.
  Message message() const {
    return Message().real(1, lowest_).real(2, limits_.back()).real(3, total_).reals(6, limits_).reals(7, counts_);
  }

 private:
  void put(double limit, double count) {
    limits_.push_back(limit);
    counts_.push_back(count);
  }
  std::vector<double> limits_, counts_;
  double lowest_ = 0, total_ = 0;
};

/// "variance.histogram[1e-05]" as "variance.histogram" and "1e-05".
std::pair<std::string, std::string> split_bin(const std::string& metric) {
  const std::size_t open = metric.find('[');
  return {metric.substr(0, open), metric.substr(open + 1, metric.size() - open - 2)};
}

bool is_histogram(const std::string& metric) { return metric.find(".histogram[") != std::string::npos; }

std::string tag_of(const std::string& metric, const MetricRow& row) {
  if (metric == "loss" || metric == "accuracy") return metric + "/" + row.split;
  return row.parameter.empty() ? metric : metric + "/" + row.parameter;
}

/// Writes the rows of one step and split as one event.
class EventWriter {
 public:
  explicit EventWriter(double start) : start_(start) {
    text_ = record(Message().real(1, start).bytes(3, "brain.Event:2"));
  }
  void take(const MetricRow& row) {
    if (row.step != step_ || row.split != split_) close();
    if (!is_open_) open(row);
    if (is_histogram(row.metric)) return take_bin(row);
    close_histogram();
    scalar(tag_of(row.metric, row), number_of(row));
  }
  /// One value with metadata at the beginning or the end of the run.
  void tell(double after, const Message& value) {
    close();
    text_ += record(Message().real(1, start_ + after).message(5, Message().message(1, value)));
  }
  std::string finish() {
    close();
    return std::move(text_);
  }

 private:
  static double number_of(const MetricRow& row) { return std::strtod(row.value.c_str(), nullptr); }
  void open(const MetricRow& row) {
    is_open_ = true;
    step_ = row.step;
    split_ = row.split;
    time_ = start_ + std::strtod(row.wall_time.c_str(), nullptr);
    summary_ = {};
  }
  void take_bin(const MetricRow& row) {
    const auto [metric, bin] = split_bin(row.metric);
    const std::string tag = tag_of(metric, row);
    if (tag != histogram_) close_histogram();
    if (!std::isfinite(std::strtod(bin.c_str(), nullptr))) return scalar(tag_of(metric + "." + bin, row), number_of(row));
    histogram_ = tag;
    buckets_.add(bin, number_of(row));
  }
  void scalar(const std::string& tag, double value) {
    summary_.message(1, Message().bytes(1, tag).small_real(2, static_cast<float>(value)));
  }
  void close_histogram() {
    if (histogram_.empty()) return;
    summary_.message(1, Message().bytes(1, histogram_).message(5, buckets_.message()));
    histogram_.clear();
    buckets_ = {};
  }
  void close() {
    if (!is_open_) return;
    close_histogram();
    text_ += record(Message().real(1, time_).integer(2, step_).message(5, summary_));
    is_open_ = false;
  }

  std::string text_, split_, histogram_;
  double start_ = 0, time_ = 0;
  int64_t step_ = 0;
  bool is_open_ = false;
  Message summary_;
  Buckets buckets_;
};

std::map<std::string, std::string> all_settings(const FinishedRun& run) {
  const auto& settings = run.record.at("settings");
  auto all = flat_settings(settings);
  for (const char* name : {"problem", "runner"}) all[name] = settings.at(name).get<std::string>();
  all["seed"] = settings.at("seed").dump();
  return all;
}

/// A table in Markdown.
Message settings_text(const std::map<std::string, std::string>& settings) {
  std::string text = "| setting | value |\n|---|---|\n";
  for (const auto& [name, value] : settings) text += "| " + name + " | " + value + " |\n";
  return Message()
      .bytes(1, "settings/text_summary")
      .message(9, metadata_for("text", "").integer(4, kTensorClass))
      .message(8, Message().integer(1, kTextType).message(2, Message()).bytes(8, text));
}

/// As google.protobuf.Value: numbers as such, so that axes can be made of them.
Message setting_value(const std::string& text) {
  if (const auto number = parse_real(text)) return Message().real(2, *number);
  if (text == "true" || text == "false") return Message().integer(4, text == "true");
  return Message().bytes(3, text);
}

Message session_start(const std::map<std::string, std::string>& settings, double start) {
  Message session;
  for (const auto& [name, value] : settings)
    session.message(1, Message().bytes(1, name).message(2, setting_value(value)));
  session.real(5, start);
  return Message()
      .bytes(1, "_hparams_/session_start_info")
      .message(9, metadata_for("hparams", Message().message(3, session).text()));
}

Message session_end(bool is_done, double end) {
  const Message session = Message().integer(1, is_done ? kStatusSuccess : kStatusFailure).real(2, end);
  return Message()
      .bytes(1, "_hparams_/session_end_info")
      .message(9, metadata_for("hparams", Message().message(4, session).text()));
}

int64_t start_of(const FinishedRun& run) { return utc_seconds(run.record.value("started", "")); }

}  // namespace

std::string tensorboard_events(const FinishedRun& run) {
  const auto start = static_cast<double>(start_of(run));
  const auto settings = all_settings(run);
  EventWriter writer(start);
  writer.tell(0, settings_text(settings));
  writer.tell(0, session_start(settings, start));
  double last = 0;
  read_metrics(run, [&](const MetricRow& row) {
    writer.take(row);
    last = std::strtod(row.wall_time.c_str(), nullptr);
  });
  writer.tell(last, session_end(run.record.at("state") == "done", start + last));
  return writer.finish();
}

std::filesystem::path tensorboard_file(const FinishedRun& run) {
  const auto& settings = run.record.at("settings");
  return std::filesystem::path(settings.at("problem").get<std::string>()) /
         (settings.at("runner").get<std::string>() + "_" + run.id) /
         ("events.out.tfevents." + std::to_string(start_of(run)) + ".backobs");
}

}  // namespace backobs

// SPDX-License-Identifier: MIT
#include "campaign/deepobs_json.h"

#include "files/number_format.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

namespace backobs {
namespace {

/// Python's repr of a string, for what json.dump writes: ASCII without control characters needs no more.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(-1, ' ', true); }

// str() of Python, by type.
std::string python_text(bool value) { return value ? "True" : "False"; }
std::string python_text(int64_t value) { return std::to_string(value); }
std::string python_text(double value) { return python_real(value); }
std::string python_text(const std::string& value) { return value; }
template <typename T>
std::string python_text(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + python_text(value);
  return "[" + text + "]";
}

std::string folder_text(const Option::Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return folder_number(*real);
  std::string text = std::visit([](const auto& held) { return python_text(held); }, value);
  std::replace(text.begin(), text.end(), '/', '_');  // one folder, whatever a text option says
  return text;
}

// json.dump(indent=4) of Python: every element of a list or map on a line of its own, deeper levels further in.
using Member = std::pair<std::string, std::string>;  // key, and its value as text

std::string bracketed(char open, char close, const std::vector<std::string>& lines, int depth) {
  if (lines.empty()) return {open, close};
  const std::string indent(static_cast<std::size_t>(4 * depth), ' ');
  std::string text(1, open);
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i ? ",\n    " : "\n    ") + indent + lines[i];
  return text + "\n" + indent + close;
}

std::string object(const std::vector<Member>& members, int depth) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : members) lines.push_back(quoted(key) + ": " + value);
  return bracketed('{', '}', lines, depth);
}

std::string json_text(bool value, int) { return value ? "true" : "false"; }
std::string json_text(int64_t value, int) { return std::to_string(value); }
std::string json_text(double value, int) { return python_real(value); }
std::string json_text(const std::string& value, int) { return quoted(value); }
template <typename T>
std::string json_text(const std::vector<T>& values, int depth) {
  std::vector<std::string> lines;
  for (const T& value : values) lines.push_back(json_text(value, depth + 1));
  return bracketed('[', ']', lines, depth);
}

std::string options_text(const std::map<std::string, Option::Value>& values) {
  std::vector<Member> members;
  for (const auto& [name, value] : values)
    members.emplace_back(name, std::visit([](const auto& held) { return json_text(held, 2); }, value));
  return object(members, 1);
}

/// DeepOBS's training parameters: those of the run that belong to no optimizer.
std::map<std::string, Option::Value> training_params(const LoopSettings& loop) {
  if (loop.lr_sched_epochs.empty()) return {};
  return {{"lr_sched_epochs", loop.lr_sched_epochs}, {"lr_sched_factors", loop.lr_sched_factors}};
}

template <typename Value>
std::string curve(const Curves& curves, Value value) {
  std::vector<double> list;
  for (const auto& epoch : curves.epochs) list.push_back(value(epoch));
  return json_text(list, 1);
}

std::string evaluation_line(const char* name, const Evaluation& evaluation) {
  std::string line = std::string(name) + ": loss " + formatted("%g", evaluation.loss);
  if (evaluation.accuracy != 0.0) line += ", acc " + formatted("%f", evaluation.accuracy);
  return line + "\n";
}

}  // namespace

std::string folder_number(double value) {
  const std::string text = formatted("%.10e", value);
  const std::size_t exponent = text.find('e');
  if (exponent == std::string::npos) return text;  // inf, nan
  const std::size_t last = text.find_last_not_of('0', exponent - 1);
  return text.substr(0, last + 1) + text.substr(exponent);
}

std::string setting_folder(const RunSettings& settings) {
  const LoopSettings& loop = settings.loop;
  std::string name = "num_epochs__" + std::to_string(loop.epochs) + "__batch_size__" + std::to_string(loop.batch_size);
  if (loop.l2_reg_given) name += "__l2_reg__" + folder_number(loop.l2_reg);
  for (const auto& [option, value] : settings.runner.options.values())
    name += "__" + option + "__" + folder_text(value);
  for (const auto& [param, value] : training_params(loop)) name += "__" + param + "__" + folder_text(value);
  return name;
}

std::filesystem::path deepobs_path(const RunSettings& settings, const std::string& optimizer, std::time_t start) {
  std::tm local{};
  localtime_r(&start, &local);
  char time[32];
  std::strftime(time, sizeof time, "%Y-%m-%d-%H-%M-%S", &local);
  const std::string file = "random_seed__" + std::to_string(settings.seed) + "__" + time + ".json";
  return std::filesystem::path(settings.problem.name) / optimizer / setting_folder(settings) / file;
}

std::string deepobs_json(const RunSettings& settings, const std::string& optimizer, const Curves& curves) {
  const LoopSettings& loop = settings.loop;
  std::vector<Member> members = {{"testproblem", quoted(settings.problem.name)},
                                 {"batch_size", std::to_string(loop.batch_size)},
                                 {"num_epochs", std::to_string(loop.epochs)},
                                 {"random_seed", std::to_string(settings.seed)},
                                 {"l2_reg", loop.l2_reg_given ? python_real(loop.l2_reg) : "null"},
                                 {"optimizer_name", quoted(optimizer)},
                                 {"optimizer_hyperparams", options_text(settings.runner.options.values())},
                                 {"training_params", options_text(training_params(loop))},
                                 {"train_losses", curve(curves, [](const auto& e) { return e.train.loss; })},
                                 {"valid_losses", curve(curves, [](const auto& e) { return e.valid.loss; })},
                                 {"test_losses", curve(curves, [](const auto& e) { return e.test.loss; })},
                                 {"minibatch_train_losses", json_text(curves.minibatch_losses, 1)}};
  if (curves.has_accuracy) {
    members.emplace_back("train_accuracies", curve(curves, [](const auto& e) { return e.train.accuracy; }));
    members.emplace_back("valid_accuracies", curve(curves, [](const auto& e) { return e.valid.accuracy; }));
    members.emplace_back("test_accuracies", curve(curves, [](const auto& e) { return e.test.accuracy; }));
  }
  return object(members, 0);
}

std::string evaluation_text(const EpochEvaluation& evaluation, int64_t epoch, int64_t epochs) {
  const std::string frame = std::string(32, '*') + "\n";
  return frame + "Evaluating after " + std::to_string(epoch) + " of " + std::to_string(epochs) + " epochs...\n" +
         evaluation_line("TRAIN", evaluation.train) + evaluation_line("VALID", evaluation.valid) +
         evaluation_line("TEST", evaluation.test) + frame;
}

std::string rate_text(double rate) { return "Setting learning rate to [" + python_real(rate) + "]\n"; }

}  // namespace backobs

// SPDX-License-Identifier: MIT
#include "host/log.h"

#include <backobs/log.h>

#include "files/printable.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

namespace backobs::log {
namespace {

spdlog::level::level_enum wanted_level() {
  const char* text = std::getenv("BACKOBS_LOG");
  const std::string level = text ? text : "info";
  if (level == "debug") return spdlog::level::debug;
  if (level == "warn") return spdlog::level::warn;
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger() {
  const char* no_colour = std::getenv("NO_COLOR");
  const auto mode = no_colour && *no_colour ? spdlog::color_mode::never : spdlog::color_mode::automatic;
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(mode);
  sink->set_pattern("%^%l:%$ %v");
  auto logger = std::make_shared<spdlog::logger>("backobs", std::move(sink));
  logger->set_level(wanted_level());
  logger->flush_on(spdlog::level::debug);
  return logger;
}

/// Ours alone, not in spdlog's registry: a plugin may bring its own copy of spdlog.
spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = make_logger();
  return *instance;
}

}  // namespace

void debug(const std::string& message) { logger().debug(printable(message)); }
void info(const std::string& message) { logger().info(printable(message)); }
void warn(const std::string& message) { logger().warn(printable(message)); }

void also_to(const std::filesystem::path& file) {
  auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
  sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  auto& sinks = logger().sinks();
  sinks.resize(1);
  sinks.push_back(std::move(sink));
}

}  // namespace backobs::log

// SPDX-License-Identifier: MIT
#include "campaign/safe_file.h"
#include "cli/verbs.h"
#include "report/html_report.h"

#include <backobs/log.h>

namespace backobs {
namespace {

struct ReportOptions {
  std::filesystem::path folder, to;
};

ExitCode report(const ReportOptions& options) {
  const std::string page = html_report(CampaignFolder(options.folder));
  write_file(options.to, page);
  log::info("wrote " + options.to.string() + ", " + std::to_string((page.size() + 1023) / 1024) + " KiB");
  return ExitCode::done;
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App& verb = add_verb(app, context, "report", "Writes a campaign's results as one HTML page that needs nothing else.",
                            [options] { return report(*options); }, {});
  verb.add_option("folder", options->folder, "the campaign's folder")->required()->type_name("DIR");
  verb.add_option("--to", options->to, "the page")->required()->type_name("FILE.html");
}

}  // namespace backobs

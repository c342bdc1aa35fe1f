// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/campaign_folder.h"
#include "report/report_data.h"

#include <string>

namespace backobs {

/// One HTML page with everything in it: no other file, no network; its policy forbids both. Learning curves with bands
/// over seeds, the published curves beside them, quantities over steps, best settings, performance and speed, sensitivity, time of steps by extension, every run, failures, what
/// it was made with, and the experiment file with the command that repeats it. Every plot has its values in a table behind it. Damaged runs are among the
/// failures, and told on stderr.
BACKOBS_API std::string html_report(const CampaignFolder& folder, const ReportChoices& choices = {});

/// Text inside an element.
BACKOBS_API std::string html_text(const std::string& text);

}  // namespace backobs

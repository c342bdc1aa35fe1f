// SPDX-License-Identifier: MIT
#pragma once

/// Page, style and script of the report: core/report/report.{html,css,js}, compiled in.
namespace backobs {

extern const char* const kReportPage;    ///< with {{name}} where something is to be put
extern const char* const kReportStyle;
extern const char* const kReportScript;

}  // namespace backobs

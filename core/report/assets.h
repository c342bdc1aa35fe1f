// SPDX-License-Identifier: MIT
#pragma once

/// Page, style and script of the report, and the published curves: core/report/report.{html,css,js} and baselines/, compiled
/// in.
namespace backobs {

extern const char* const kReportPage;    ///< with {{name}} where something is to be put
extern const char* const kReportStyle;
extern const char* const kReportScript;
extern const char* const kBaselineCurves;   ///< curves.csv
extern const char* const kBaselineCaveats;  ///< caveats.json
extern const char* const kConvergence;      ///< convergence.json

}  // namespace backobs

// SPDX-License-Identifier: MIT
#include "campaign/stop_request.h"

#include <signal.h>

#include <initializer_list>

namespace backobs {
namespace {

volatile sig_atomic_t requests = 0;

void count_request(int) { requests = requests + 1; }

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void listen_as_campaign() {
  for (const int signal : {SIGINT, SIGTERM}) handle(signal, count_request);
}

void listen_as_run() {
  handle(SIGINT, SIG_IGN);
  handle(SIGTERM, count_request);
}

int stop_requests() { return requests; }

}  // namespace backobs

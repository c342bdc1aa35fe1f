// SPDX-License-Identifier: MIT
#include "host/at_work.h"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <exception>

namespace backobs {
namespace {

Position own_position;
Position* current = &own_position;
struct sigaction handled_before[NSIG];  ///< by signal: what tell() takes the place of

template <std::size_t N>
void copy(char (&to)[N], const char* from) {
  std::strncpy(to, from, N - 1);
  to[N - 1] = '\0';
}

Position* map(int descriptor) {
  void* memory = ::mmap(nullptr, sizeof(Position), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<Position*>(memory);
}

// What a handler of signals may do: no memory, no locks.
void write_text(const char* text) {
  for (std::size_t left = std::strlen(text); left > 0;) {
    const ssize_t count = ::write(STDERR_FILENO, text, left);
    if (count <= 0) return;
    text += count;
    left -= static_cast<std::size_t>(count);
  }
}
void write_number(int64_t number) {
  char digits[24] = {};
  std::size_t at = sizeof digits - 1;
  do digits[--at] = static_cast<char>('0' + number % 10);
  while ((number /= 10) > 0);
  write_text(digits + at);
}

void tell(int signal, siginfo_t* information, void*) {
  const Position& at = *current;
  write_text("error: ");
  if (at.kind[0]) {
    for (const char* part : {at.kind, " `", at.name, "`, ", at.phase}) write_text(part);
  } else {
    write_text("backobs itself");
  }
  if (at.step >= 0) {
    write_text(", epoch ");
    write_number(at.epoch);
    write_text(", step ");
    write_number(at.step);
  }
  write_text(": found a crash (signal ");
  write_number(signal);
  write_text(")\n");
  ::sigaction(signal, &handled_before[signal], nullptr);
  // A faulty instruction repeats and finds the handler of before, with the same context; what was sent is sent again.
  if (information->si_code <= 0) ::raise(signal);
}

}  // namespace

std::string Position::text() const {
  std::string text = kind[0] ? std::string(kind) + " `" + name + "`, " + phase : "backobs itself";
  if (step >= 0) text += ", epoch " + std::to_string(epoch) + ", step " + std::to_string(step);
  return text;
}

Position& position() { return *current; }

SharedPosition::SharedPosition() : descriptor_(::memfd_create("backobs-position", MFD_CLOEXEC)) {
  if (descriptor_ < 0 || ::ftruncate(descriptor_, sizeof(Position)) != 0) return;  // then nobody can be blamed
  shared_ = map(descriptor_);
  if (shared_) *shared_ = Position{};
}

SharedPosition::~SharedPosition() {
  if (shared_) ::munmap(shared_, sizeof(Position));
  if (descriptor_ >= 0) ::close(descriptor_);
}

Position SharedPosition::read() const {
  Position copy_of = shared_ ? *shared_ : Position{};
  copy_of.kind[sizeof copy_of.kind - 1] = copy_of.name[sizeof copy_of.name - 1] =
      copy_of.phase[sizeof copy_of.phase - 1] = '\0';
  return copy_of;
}

void share_position(int descriptor) {
  if (Position* shared = map(descriptor)) {
    *shared = *current;
    current = shared;
  }
}

void tell_of_crashes() {
  static char stack[1 << 16];  // of its own: the usual one may be what has run out
  const stack_t own{stack, 0, sizeof stack};
  ::sigaltstack(&own, nullptr);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction now {}, before {};
    now.sa_sigaction = tell;
    now.sa_flags = SA_SIGINFO | SA_ONSTACK;
    if (::sigaction(signal, nullptr, &before) != 0 || before.sa_sigaction == tell) continue;
    handled_before[signal] = before;
    ::sigaction(signal, &now, nullptr);
  }
}

AtWork::AtWork(const char* kind, const std::string& name, const char* phase)
    : before_(*current), exceptions_(std::uncaught_exceptions()) {
  copy(current->kind, kind);
  copy(current->name, name.c_str());
  copy(current->phase, phase);
  ++current->beats;
}

AtWork::~AtWork() {
  if (std::uncaught_exceptions() > exceptions_) return;
  std::memcpy(current->kind, before_.kind, sizeof before_.kind);
  std::memcpy(current->name, before_.name, sizeof before_.name);
  std::memcpy(current->phase, before_.phase, sizeof before_.phase);
  ++current->beats;
}

}  // namespace backobs

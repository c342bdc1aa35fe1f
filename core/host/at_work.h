// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <string>

/// Who is at work, and where in the training: kept in memory that a parent process can read while the run lasts and after
/// a crash, so that progress can be shown and a dead run blamed on a plugin and a step. Writing it costs a few hundred
/// bytes of copying, no system call.
namespace backobs {

struct Position {
  char kind[16] = {};  ///< "extension"; empty: core itself
  char name[64] = {};
  char phase[24] = {};           ///< "visit"
  int64_t epoch = 0, step = -1;  ///< step is global; -1 before the first
  int64_t beats = 0;             ///< signs of life: changes with every call into a plugin and every batch
  double share = 0;              ///< of the run that is done, 0 to 1
  double loss = 0;               ///< of the last mini-batch

  /// "extension `variance`, visit, epoch 0, step 12".
  BACKOBS_API std::string text() const;
};

/// This process's position.
BACKOBS_API Position& position();
/// Memory to share with a child: a descriptor to hand over, and its view here.
class BACKOBS_API SharedPosition {
 public:
  SharedPosition();
  ~SharedPosition();
  SharedPosition(const SharedPosition&) = delete;
  SharedPosition& operator=(const SharedPosition&) = delete;

  int descriptor() const { return descriptor_; }
  /// What the child last wrote.
  Position read() const;

 private:
  int descriptor_ = -1;
  Position* shared_ = nullptr;
};
/// In the child: position() lives in the parent's memory from now on.
BACKOBS_API void share_position(int descriptor);

/// From now on a crash of this process says on stderr who was at work before it ends the process as ever. Who else handles
/// crashes already (a sanitizer, a library that LibTorch brings along) gets them after that.
BACKOBS_API void tell_of_crashes();

/// Marks who is at work for its lifetime. When an exception passes, the mark stays, for whoever reports it.
class BACKOBS_API AtWork {
 public:
  AtWork(const char* kind, const std::string& name, const char* phase);
  ~AtWork();
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  Position before_;
  int exceptions_;
};

}  // namespace backobs

// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <utility>

#include "absl/status/status.h"

namespace riegeli {

struct Closed {};
inline constexpr Closed kClosed{};

// Something that is open until it is closed, and remembers the first thing that went wrong.
class Object {
 public:
  Object() = default;
  explicit Object(Closed) : open_(false) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  bool is_open() const { return open_; }
  bool ok() const { return open_ && status_.ok(); }

  absl::Status status() const {
    if (!status_.ok()) return status_;
    return open_ ? absl::OkStatus() : absl::FailedPreconditionError("Object closed");
  }

  // Finishes, once; true if nothing ever went wrong.
  bool Close() {
    if (open_) {
      Done();
      open_ = false;
    }
    return status_.ok();
  }

  // Always false, so that a caller can return it.
  bool Fail(absl::Status status) { return FailWithoutAnnotation(AnnotateStatus(std::move(status))); }

  bool FailWithoutAnnotation(absl::Status status) {
    if (status_.ok()) {
      status_ = std::move(status);
      OnFail();
    }
    return false;
  }

  virtual absl::Status AnnotateStatus(absl::Status status) { return status; }

 protected:
  virtual void Done() {}
  virtual void OnFail() {}

  void Reopen() {
    open_ = true;
    status_ = absl::OkStatus();
  }

 private:
  bool open_ = true;
  absl::Status status_;
};

}  // namespace riegeli
